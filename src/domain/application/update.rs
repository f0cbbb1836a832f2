//! What may be changed of an application that is there.

use super::{Application, Customer, Status, Wish};
use crate::domain::error::{Error, Result};
use crate::domain::vehicle::vocabulary;

vocabulary! {
    /// What may be changed by hand. A new one goes into [`Field::copy`] too.
    Field {
        CustomerName = "customer.name",
        CustomerPhone = "customer.phone",
        Brand = "brand",
        Model = "model",
        Generation = "generation",
        Year = "year",
        VehicleText = "vehicle_text",
        Selections = "selections",
        QuotedTotal = "quoted_total",
        Message = "message",
        ExternalRefs = "external_refs",
    }
}

impl Field {
    /// Gives an application what was asked for in this field.
    fn copy(self, customer: &Customer, wish: &Wish, to: &mut Application) {
        match self {
            Self::CustomerName => to.customer.name.clone_from(&customer.name),
            Self::CustomerPhone => to.customer.phone.clone_from(&customer.phone),
            Self::Brand => to.wish.brand.clone_from(&wish.brand),
            Self::Model => to.wish.model.clone_from(&wish.model),
            Self::Generation => to.wish.generation.clone_from(&wish.generation),
            Self::Year => to.wish.year = wish.year,
            Self::VehicleText => to.wish.vehicle_text.clone_from(&wish.vehicle_text),
            Self::Selections => to.wish.selections.clone_from(&wish.selections),
            Self::QuotedTotal => to.wish.quoted.clone_from(&wish.quoted),
            Self::Message => to.wish.message.clone_from(&wish.message),
            Self::ExternalRefs => to.wish.external_refs.clone_from(&wish.external_refs),
        }
    }
}

impl Application {
    /// With these fields as they were asked for, and which of them that changes.
    ///
    /// # Errors
    /// `FailedPrecondition` where it is somebody's no more, or is completed and would change in more than its refs.
    pub fn updated(&self, fields: &[Field], customer: &Customer, wish: &Wish) -> Result<(Self, Vec<Field>)> {
        self.must_be_somebodys()?;
        let mut after = self.clone();
        let mut changes_something = |field: &Field| {
            let before = after.clone();
            field.copy(customer, wish, &mut after);
            after != before
        };
        let changed: Vec<Field> = fields.iter().copied().filter(|field| changes_something(field)).collect();
        let is_more_than_refs = changed.iter().any(|field| *field != Field::ExternalRefs);
        if self.status == Status::Completed && is_more_than_refs {
            return Err(Error::FailedPrecondition {
                reason: "APPLICATION_COMPLETED",
                message: "a completed application stays as it is, but for its external_refs; put what is to be known \
                          into a note"
                    .into(),
                metadata: vec![],
            });
        }
        Ok((after, changed))
    }

    /// # Errors
    /// `FailedPrecondition` `CUSTOMER_DELETED`: what is written about nobody could never be erased.
    pub fn must_be_somebodys(&self) -> Result<()> {
        if !self.is_erased() {
            return Ok(());
        }
        Err(Error::FailedPrecondition {
            reason: "CUSTOMER_DELETED",
            message:
                "the customer of this application was deleted; it goes on without a note and is not changed any more"
                    .into(),
            metadata: vec![],
        })
    }
}
