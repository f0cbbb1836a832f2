//! Whose import is begun next on this server: the tenant's that has the fewest under way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::tenant::TenantId;

/// A number of imports at once. Of those that wait, one of the tenant with the fewest under way comes next; of several, the one
/// that has waited longest.
pub struct Slots {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    free: usize,
    taken: HashMap<TenantId, usize>,
    waiting: VecDeque<(u64, TenantId)>,
    next_number: u64,
}

impl Slots {
    /// So many, all free.
    pub fn new(count: usize) -> Self {
        let state = State { free: count, taken: HashMap::new(), waiting: VecDeque::new(), next_number: 0 };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.state().taken.values().sum()
    }

    /// Waits for its turn.
    pub async fn take(&self, tenant: TenantId) -> Slot<'_> {
        let waiter = self.wait(tenant);
        loop {
            let changed = self.changed.notified();
            if let Some(slot) = self.try_take(&waiter) {
                return slot;
            }
            changed.await;
        }
    }

    fn wait(&self, tenant: TenantId) -> Waiter<'_> {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back((number, tenant));
        Waiter { slots: self, number, tenant }
    }

    fn try_take(&self, waiter: &Waiter<'_>) -> Option<Slot<'_>> {
        let mut state = self.state();
        let taken = |tenant| state.taken.get(tenant).copied().unwrap_or(0);
        let (next, _) = state.waiting.iter().min_by_key(|(number, tenant)| (taken(tenant), *number))?;
        if state.free == 0 || *next != waiter.number {
            return None;
        }
        state.free -= 1;
        *state.taken.entry(waiter.tenant).or_default() += 1;
        Some(Slot { slots: self, tenant: waiter.tenant })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that waits, until it is dropped.
struct Waiter<'s> {
    slots: &'s Slots,
    number: u64,
    tenant: TenantId,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.slots.state().waiting.retain(|(number, _)| *number != self.number);
        self.slots.changed.notify_waiters();
    }
}

/// A slot, until it is dropped.
pub struct Slot<'s> {
    slots: &'s Slots,
    tenant: TenantId,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.free += 1;
        if let Some(taken) = state.taken.get_mut(&self.tenant) {
            *taken -= 1;
            if *taken == 0 {
                state.taken.remove(&self.tenant);
            }
        }
        drop(state);
        self.slots.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Come(i64),
        GiveUp(usize),
        End(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0i64..4).prop_map(Step::Come),
            1 => (0usize..20).prop_map(Step::GiveUp),
            3 => (0usize..3).prop_map(Step::End),
        ]
    }

    proptest! {
        #[test]
        fn none_is_free_while_somebody_waits_and_nobody_has_two_before_another_has_one(
            count in 1usize..4,
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let slots = Slots::new(count);
            let mut waiting: Vec<(i64, BoxFuture<'_, Slot<'_>>)> = Vec::new();
            let mut taken: Vec<(i64, Slot<'_>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Come(tenant) => waiting.push((tenant, slots.take(TenantId(tenant)).boxed())),
                    Step::GiveUp(place) if place < waiting.len() => drop(waiting.remove(place)),
                    Step::End(place) if place < taken.len() => drop(taken.remove(place)),
                    Step::GiveUp(_) | Step::End(_) => {}
                }
                // Everybody looks until nothing moves, as a runtime would have it.
                let mut moved = true;
                while moved {
                    moved = false;
                    let mut place = 0;
                    while place < waiting.len() {
                        let before: Vec<i64> = taken.iter().map(|(tenant, _)| *tenant).collect();
                        let of = |tenant: i64| before.iter().filter(|other| **other == tenant).count();
                        let Some(slot) = (&mut waiting[place].1).now_or_never() else {
                            place += 1;
                            continue;
                        };
                        let (tenant, _) = waiting.remove(place);
                        let fewest = waiting.iter().map(|(other, _)| of(*other)).min().unwrap_or(usize::MAX);
                        prop_assert!(of(tenant) <= fewest, "{tenant} has {}, another waits with {fewest}", of(tenant));
                        // Of one tenant's, those before it have gone before it.
                        prop_assert!(!waiting[..place].iter().any(|(other, _)| *other == tenant));
                        taken.push((tenant, slot));
                        moved = true;
                    }
                }
                prop_assert!(taken.len() <= count && slots.taken() == taken.len());
                prop_assert!(taken.len() == count || waiting.is_empty(), "{} wait for a free slot", waiting.len());
            }
        }
    }
}
