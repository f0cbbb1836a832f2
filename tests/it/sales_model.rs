//! Laws about what shops write and what bots read of it: plain models beside the service, and what holds for every method
//! of the contract.

mod application_changes;
mod application_wishes;
mod applications;
mod lists;
mod phones;
mod price_periods;
mod prices;
mod promises;
mod random;
mod requests;
mod retries;
mod rules;
mod stats;
mod tenants;
mod texts;
