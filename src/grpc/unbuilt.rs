//! Services whose methods are in the contract and not built yet: each answers UNIMPLEMENTED.

use super::World;
use crate::proto::lekalo::v1::application_service_server::ApplicationService;
use crate::proto::lekalo::v1::text_service_server::TextService;

impl TextService for World {}
impl ApplicationService for World {}
