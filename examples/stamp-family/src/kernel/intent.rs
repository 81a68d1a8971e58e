//! What the stamp card writes into an intent.

use untorn::journal::record::Intent;
use untorn::wire::hex;

use crate::data::{Order, Receipt, VisitId, checked};

/// What is sent, what must come back, and where the card stood. It is durable before anything is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampIntent {
    /// What is sent.
    pub order: Order,
    /// What comes back: all of it is known beforehand.
    pub receipt: Receipt,
    /// The card's last visit before it.
    pub before: VisitId,
}

impl StampIntent {
    /// Out of the journal's form.
    ///
    /// # Errors
    /// It is not one of this family, in words.
    pub fn of(intent: &Intent) -> Result<Self, String> {
        let octets = |name: &str| {
            let text = intent.family_data.get(name).and_then(serde_json::Value::as_str);
            let text = text.ok_or_else(|| format!("{name}: expected octets in hex, got none"))?;
            hex::parse(text).map_err(|error| format!("{name}: {error}"))
        };
        let receipt = octets("receipt")?;
        let receipt = checked(&receipt).ok_or("receipt: the checksum is wrong")?;
        let before = octets("before")?;
        Ok(Self {
            order: Order::parse(&octets("order")?).map_err(|error| format!("order: {error}"))?,
            receipt: Receipt::parse(receipt).map_err(|error| format!("receipt: {error}"))?,
            before: before.try_into().map_err(|_| "before: expected 8 octets".to_owned())?,
        })
    }

    /// The journal's form.
    pub(super) fn family_data(&self) -> serde_json::Value {
        let [order, receipt] = [self.order.emit(), self.receipt.emit()].map(|octets| hex::encode(&octets));
        serde_json::json!({ "order": order, "receipt": receipt, "before": hex::encode(&self.before) })
    }
}
