//! Laws about what shops write and what bots read of it: plain models beside the service, and what holds for every method
//! of the contract.

mod applications;
mod lists;
mod phones;
mod prices;
mod promises;
mod random;
mod requests;
mod rules;
mod stats;
mod tenants;
mod texts;
