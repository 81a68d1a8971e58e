//! What the purse writes into an intent: the order, and the receipt that will prove it.

use serde::{Deserialize, Serialize};

use crate::family::purse::data::transact::{ReceiptBody, TransactOrder};
use crate::journal::record::Intent;
use crate::wire::hex;

/// What an intent of this family holds: the order, and the receipt that the card will write if it happens.
///
/// All of a receipt is known beforehand, LINK' included; so evidence is compared octet by octet (REQ-TRM-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurseIntent {
    /// What is sent.
    pub order: TransactOrder,
    /// What comes back.
    pub receipt: ReceiptBody,
}

#[derive(Serialize, Deserialize)]
struct PurseIntentText {
    order: String,
    receipt: String,
}

impl PurseIntent {
    /// Out of the journal's form.
    pub fn of(intent: &Intent) -> Result<Self, String> {
        let text: PurseIntentText =
            serde_json::from_value(intent.family_data.clone()).map_err(|error| error.to_string())?;
        let octets = |text: &str| hex::parse(text).map_err(|error| error.to_string());
        let order = TransactOrder::parse(&octets(&text.order)?).map_err(|error| format!("order: {error}"))?;
        let receipt = ReceiptBody::parse(&octets(&text.receipt)?).map_err(|error| format!("receipt: {error}"))?;
        Ok(Self { order, receipt })
    }

    /// The journal's form.
    pub(super) fn family_data(&self) -> serde_json::Value {
        serde_json::json!({ "order": hex::encode(&self.order.emit()), "receipt": hex::encode(&self.receipt.emit()) })
    }
}
