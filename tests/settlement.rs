//! Who owes whom after an order that was torn: by kind, policy and what the card tells later, through the command line.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::untorn::Desk;

/// By hand, from specs/terminal.md, clause 3: with the slip out, when it turns out done, and when it turns out not done.
const ROWS: [(&str, &str, [&str; 3]); 12] = [
    ("pay", "on-next-touch", ["unresolved", "sale", "not-sale"]),
    ("pay", "on-confirmation", ["unresolved", "sale", "not-sale"]),
    ("pay", "at-once", ["provisional-sale", "sale", "taken-off"]),
    ("pay", "redo", ["not-sale", "owed-to-cardholder", "not-sale"]),
    ("topup", "on-next-touch", ["unresolved", "sale", "not-sale"]),
    ("topup", "on-confirmation", ["unresolved", "sale", "not-sale"]),
    ("topup", "at-once", ["provisional-sale", "sale", "owed-to-cardholder"]),
    ("topup", "redo", ["not-sale", "owed-by-cardholder", "not-sale"]),
    ("refund", "on-next-touch", ["unresolved", "sale", "not-sale"]),
    ("refund", "on-confirmation", ["unresolved", "sale", "not-sale"]),
    ("refund", "at-once", ["provisional-sale", "sale", "owed-to-cardholder"]),
    ("refund", "redo", ["not-sale", "owed-by-cardholder", "not-sale"]),
];

#[test]
fn each_order_counts_for_what_the_table_says() {
    for (order, policy, [open, done, not_done]) in ROWS {
        for (tear, later) in [("value:after", done), ("value:before", not_done)] {
            let about = format!("{order} under {policy}, torn {tear}");
            let desk = Desk::new(&[]);
            if order == "refund" {
                desk.run(&["pay", "500"]).ended(0);
            }
            let kind = match order {
                "pay" => "sale",
                "topup" => "top-up",
                _ => order,
            };
            let booking = || {
                let totals = desk.json(0, &["journal", "totals"]);
                let rows = totals["totals"].as_array().expect("rows").clone();
                let row = rows.iter().find(|row| row["kind"] == kind).unwrap_or_else(|| panic!("{about}: {totals}"));
                row["booking"].as_str().expect("a word").to_owned()
            };
            let torn = desk.json(2, &["--policy", policy, order, "100", "--tear", tear, "--no-retouch"]);
            assert_eq!((torn["booking"].as_str(), booking().as_str()), (Some(open), open), "{about}");
            desk.run(&["resolve"]).ended(0);
            assert_eq!(booking(), later, "{about}");
        }
    }
}
