//! What a case leaves behind whatever came of it: a real card serves all cases, and lives on after them.

use std::cmp::Ordering;

use super::client::{Opened, Opener, suites};
use super::picture::wallet;
use crate::conformance::tester::Tester;
use crate::conformance::verdict::{OrStop, Stop};
use crate::family::purse::data::session::{CardState, LogicalCardDetail};
use crate::family::purse::data::transact::Operation;
use crate::family::purse::data::{LifeCycle, Role, Suite};
use crate::wire::status::StatusWord;

/// Steps that block the card; it is active afterwards. One that is not active before is left alone.
pub(super) fn then_active(tester: &mut Tester<'_>, steps: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    let suite = first(tester)?;
    let before = tester.preamble(|tester| Opener::new(suite, Role::Read).state(tester))?.life_cycle;
    if before != LifeCycle::Active {
        return Err(Stop::inconclusive(format!("a card that is {before} is not made another")));
    }
    tester.with_postamble(steps, |tester| {
        tester.power_on()?;
        make_active(tester, suite)
    })
}

/// Steps that spend tries of the PIN; all are there afterwards.
pub(super) fn then_all_tries(tester: &mut Tester<'_>, steps: impl FnOnce(&mut Tester<'_>) -> OrStop) -> OrStop {
    let suite = first(tester)?;
    tester.with_postamble(steps, |tester| {
        tester.power_on()?;
        win_back_tries(tester, suite)
    })
}

/// What a sequence may change and a postamble can make as it was.
pub(super) struct Before {
    pub(super) life_cycle: LifeCycle,
    /// The PIN is there and not blocked.
    pub(super) has_tries: bool,
    /// By logical card.
    pub(super) balances: Vec<(u8, u32)>,
}

impl Before {
    /// From whatever state the card is in.
    pub(super) fn restore(&self, tester: &mut Tester<'_>) -> OrStop {
        let suite = first(tester)?;
        tester.power_on()?;
        if self.life_cycle == LifeCycle::Active {
            make_active(tester, suite)?;
        }
        if self.has_tries {
            win_back_tries(tester, suite)?;
        }
        let state = wallet(tester, suite, Role::Read).state(tester)?;
        for (role, operations) in self.differences(&state.details) {
            if !operations.is_empty() {
                let mut opened = wallet(tester, suite, role).open(tester)?;
                // What a case has put on the card may be more than goes without the PIN.
                if self.has_tries && role == Role::Debit {
                    verify(tester, &mut opened)?;
                }
                let order = opened.order(tester, &operations);
                opened.session.pay(tester, &order)?;
            }
        }
        if (self.life_cycle, state.life_cycle) == (LifeCycle::Blocked, LifeCycle::Active) {
            Opener::new(suite, Role::Debit).pay(tester, &[Operation::LifeCycle { status: LifeCycle::Blocked }])?;
        }
        Ok(())
    }

    /// What is to be taken from the card, and given to it.
    fn differences(&self, now: &[LogicalCardDetail]) -> [(Role, Vec<Operation>); 2] {
        let (mut debits, mut credits) = (Vec::new(), Vec::new());
        for &(logical_card, before) in &self.balances {
            let now = now.iter().find(|detail| detail.id == logical_card).map_or(before, |detail| detail.balance);
            match now.cmp(&before) {
                Ordering::Greater => debits.push(Operation::Debit { logical_card, amount: now - before }),
                Ordering::Less => credits.push(Operation::Credit { logical_card, amount: before - now }),
                Ordering::Equal => {}
            }
        }
        [(Role::Debit, debits), (Role::Credit, credits)]
    }
}

fn first(tester: &Tester<'_>) -> OrStop<Suite> {
    suites(tester).first().copied().ok_or_else(|| Stop::error("the statement claims no suite"))
}

fn make_active(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let opener = Opener::new(suite, Role::Administer);
    if opener.state(tester)?.life_cycle == LifeCycle::Active {
        return Ok(());
    }
    opener.pay(tester, &[Operation::LifeCycle { status: LifeCycle::Active }]).map(drop)
}

fn win_back_tries(tester: &mut Tester<'_>, suite: Suite) -> OrStop {
    let mut opened = Opener::new(suite, Role::Debit).open(tester)?;
    if opened.state.flags & CardState::PIN_BLOCKED != 0 {
        return Err(Stop::inconclusive("the PIN is blocked"));
    }
    verify(tester, &mut opened)
}

fn verify(tester: &mut Tester<'_>, opened: &mut Opened) -> OrStop {
    let pin = tester.secret("purse.pin")?;
    let status = opened.session.verify(tester, pin)?;
    tester.check_equal("VERIFY with the right PIN", &StatusWord::OK, &status)
}
