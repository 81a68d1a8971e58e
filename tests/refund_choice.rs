//! Which sale a refund gives back: chosen from the journal after the touch has resolved what was open on the card.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::Value;
use support::untorn::Desk;

/// What became of a sale before the refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Paid,
    /// The card left after it had paid: the journal does not know.
    OpenPaid,
    /// The card left before the command.
    OpenNotPaid,
    GivenBackInPart,
    GivenBack,
}
use Past::{GivenBack, GivenBackInPart, OpenNotPaid, OpenPaid, Paid};

const PASTS: [Past; 5] = [Paid, OpenPaid, OpenNotPaid, GivenBackInPart, GivenBack];
/// What a part is.
const PART: u32 = 3;

struct Sale {
    number: u32,
    amount: u32,
    past: Past,
}

impl Sale {
    const fn left(&self) -> u32 {
        match self.past {
            Paid | OpenPaid => self.amount,
            GivenBackInPart => self.amount - PART,
            OpenNotPaid | GivenBack => 0,
        }
    }

    /// Orders its past at the counter; the next order's number.
    fn make(&self, desk: &Desk) -> u32 {
        let amount = self.amount.to_string();
        let tear = match self.past {
            OpenPaid => Some("value:after"),
            OpenNotPaid => Some("value:before"),
            Paid | GivenBackInPart | GivenBack => None,
        };
        let Some(tear) = tear else {
            desk.run(&["pay", &amount]).ended(0);
            let back = match self.past {
                GivenBackInPart => PART.to_string(),
                GivenBack => amount,
                _ => return self.number + 1,
            };
            desk.run(&["refund", &back]).ended(0);
            return self.number + 2;
        };
        desk.run(&["pay", &amount, "--tear", tear, "--no-retouch"]).ended(2);
        self.number + 1
    }
}

fn minor(money: &Value) -> u64 {
    money["minor"].as_u64().unwrap()
}

/// The refund and the sale that everything said of it names: JSON, screen and slip.
fn names_its_sale(desk: &Desk, arguments: &[&str], sale: &Sale, amount: u32, about: &str) {
    let json = desk.json(0, arguments);
    assert_eq!(minor(&json["order"]["amount"]), u64::from(amount), "{about}: {json}");
    let of = &json["refund_of"];
    assert_eq!(
        (of["number"].as_u64(), minor(&of["amount"])),
        (Some(u64::from(sale.number)), u64::from(sale.amount)),
        "{about}"
    );
    let lines = desk.run(&["journal", "export"]).ended(0).stdout;
    let mut entries = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone());
    let made = entries.find(|entry| entry["entry"] == "intent" && entry["order"] == sale.number).unwrap();
    assert_eq!(of["time"], made["time"], "{about}: {json}");
    let detail = json["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("order {:06}, sale of {} JPY", sale.number, sale.amount)), "{about}: {detail}");
}

#[test]
fn a_refund_is_of_the_newest_sale_that_happened_whatever_was_known_before_the_touch() {
    for first in PASTS {
        for second in PASTS {
            for part in [None, Some(2)] {
                let about = format!("{first:?}, then {second:?}, refund of {part:?}");
                let desk = Desk::new(&[]);
                let older = Sale { number: 1, amount: 300, past: first };
                let newer = Sale { number: older.make(&desk), amount: 10, past: second };
                newer.make(&desk);
                let happened = [&newer, &older].into_iter().find(|sale| sale.past != OpenNotPaid);
                let part_text = part.map(|part: u32| part.to_string());
                let arguments: Vec<&str> = ["refund"].into_iter().chain(part_text.as_deref()).collect();
                match happened {
                    Some(sale) if sale.left() > 0 => {
                        names_its_sale(&desk, &arguments, sale, part.unwrap_or_else(|| sale.left()), &about);
                    }
                    Some(sale) => {
                        let json = desk.json(1, &arguments);
                        assert_eq!(json["reason"], "not-refundable", "{about}");
                        assert_eq!(json["refund_of"]["number"], sale.number, "{about}: {json}");
                    }
                    None => assert_eq!(desk.json(1, &arguments)["reason"], "not-refundable", "{about}"),
                }
            }
        }
    }
}

/// `--of` names an open sale: the touch decides it, then it is given back.
#[test]
fn a_sale_that_is_named_may_be_open_before_the_touch() {
    for (tear, code) in [("value:after", 0), ("value:before", 1)] {
        let desk = Desk::new(&[]);
        desk.run(&["pay", "500"]).ended(0);
        let open = desk.json(2, &["pay", "300", "--tear", tear, "--no-retouch"]);
        let named = open["order"]["transaction"].as_str().unwrap().to_lowercase();
        let json = desk.json(code, &["refund", "--of", &named]);
        if code == 0 {
            assert_eq!((minor(&json["order"]["amount"]), &json["refund_of"]["number"]), (300, &2.into()), "{json}");
        } else {
            assert_eq!(json["reason"], "not-refundable", "{json}");
        }
    }
}

#[test]
fn the_slip_of_a_refund_names_the_sale() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "300"]).ended(0);
    let paid = desk.run(&["refund", "10"]).ended(0).stdout;
    assert!(paid.lines().any(|line| line.starts_with("Gives back") && line.ends_with("order 000001")), "{paid}");
    let open = desk.run(&["refund", "20", "--tear", "value:after", "--no-retouch"]).ended(2).stdout;
    assert!(open.lines().any(|line| line.starts_with("Gives back") && line.ends_with("order 000001")), "{open}");
}

/// Whatever of it is left: more is refused before anything is sent, and the refusal says how much there is.
#[test]
fn more_than_is_left_of_a_sale_is_refused_with_what_is_left() {
    for past in [Paid, OpenPaid, GivenBackInPart, GivenBack] {
        let desk = Desk::new(&[]);
        let sale = Sale { number: 1, amount: 300, past };
        sale.make(&desk);
        for more in [1, 99_999] {
            let json = desk.json(1, &["refund", &(sale.left() + more).to_string()]);
            assert_eq!(json["reason"], "not-refundable", "{past:?}: {json}");
            let detail = json["detail"].as_str().unwrap();
            let left = format!("{} JPY is left of order 000001, sale of 300 JPY", sale.left());
            assert!(detail.contains(&left), "{past:?}: {detail}");
        }
        if sale.left() > 0 {
            desk.json(0, &["refund", &sale.left().to_string()]);
        }
    }
}
