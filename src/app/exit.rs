//! With which code a process ends: one table of what became of the money, what came of the work, and whether anybody could be told.
//!
//! A script sees only the code. So a code that says "nothing happened" (1, 3, 4) or "try again" is given only where that is
//! certain: value that moved, or may have, never ends in one of them, whatever else went wrong.

/// How a process ends; the numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Refused, or failed; nothing is in doubt.
    Failed = 1,
    /// Unresolved: whether value moved is not known, or it is and the result could not be printed.
    Unresolved = 2,
    /// The command line, a file named there or the configuration is wrong.
    Usage = 3,
    /// No reader, or no card came.
    NoCard = 4,
    /// This order moved nothing, for an older one is open and holds it up.
    HeldUp = 5,
    /// An alarm: a card contradicts the journal, and people must look.
    Alarm = 6,
    /// SIGHUP came while nothing was in doubt: 128 + 1.
    HungUp = 129,
    /// SIGINT came while nothing was in doubt: 128 + 2.
    Interrupted = 130,
    /// SIGTERM came while nothing was in doubt: 128 + 15.
    Terminated = 143,
}

impl Exit {
    /// All, by their number.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Unresolved,
        Self::Usage,
        Self::NoCard,
        Self::HeldUp,
        Self::Alarm,
        Self::HungUp,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// What it tells a script, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "refused or failed, nothing in doubt",
            Self::Unresolved => "unresolved: whether value moved is not known, or the result could not be printed",
            Self::Usage => "command line, a file named there or configuration wrong",
            Self::NoCard => "no reader or no card",
            Self::HeldUp => "this order moved nothing: an older one is open and holds it up",
            Self::Alarm => "an alarm: a card contradicts the journal, and a person must look",
            Self::HungUp => "SIGHUP came while nothing was in doubt",
            Self::Interrupted => "SIGINT came while nothing was in doubt",
            Self::Terminated => "SIGTERM came while nothing was in doubt",
        }
    }

    /// The signal that it stands for: the process is to die of it, and a shell reports this code.
    pub const fn signal(self) -> Option<i32> {
        match self {
            Self::HungUp | Self::Interrupted | Self::Terminated => Some(self as i32 - 128),
            _ => None,
        }
    }

    /// The code of a process that a signal has cut off with these [`Stakes`] open; `None`: nothing is in doubt, and it dies of the signal
    /// itself.
    pub(super) const fn of_cut(stakes: Stakes) -> Option<Self> {
        match stakes {
            Stakes::Nothing => None,
            Stakes::Run => Some(code(Money::NoneAsked, Work::Inconclusive, Telling::Lost)),
            Stakes::Order => Some(code(Money::NotKnown, Work::Failed, Telling::Lost)),
        }
    }
}

/// What an end in the middle would leave in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stakes {
    /// Nothing.
    Nothing = 0,
    /// A run of tests: it is not whole. A second signal cuts it off at once.
    Run = 1,
    /// An order has a record in the journal and no end, or an end that nobody has been told.
    Order = 2,
}

/// What became of the money that this process was asked to move, or to ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    /// Nothing was to be moved: help, enquiries, reports.
    NoneAsked,
    /// The order moved nothing, and that is certain.
    NotMoved,
    /// The order was not begun: an older one is open.
    HeldUp,
    /// Whether it moved is not known.
    NotKnown,
    /// It moved, or what became of an older order was found out; the record is durable.
    Known,
    /// A card's authentic record contradicts the journal.
    Contradicted,
}

/// What came of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// All of it was done.
    Whole,
    /// Refused by card or terminal, or something that is ours failed: the journal, the card, the program.
    Failed,
    /// The command line, a file named there or the configuration is wrong.
    Usage,
    /// No reader, or no card came.
    NoCard,
    /// A run that could not decide, or is not whole.
    Inconclusive,
    /// A signal ended it.
    Signalled(Signal),
    /// The tear that was asked for did not come about.
    TearMissed,
}

/// A signal that asks a process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hup,
    /// SIGINT.
    Int,
    /// SIGTERM.
    Term,
}

/// Whether the result reached the caller. Prompts, traces and logs are no results: what fails there is told, and changes no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// It was written.
    Told,
    /// The other end of the pipe is closed: its reader has seen enough of a text, but not what became of an order.
    NobodyReads,
    /// It could not be written: a full disk, a descriptor that takes no writing.
    Lost,
}

/// The table.
pub const fn code(money: Money, work: Work, telling: Telling) -> Exit {
    match (money, work, telling) {
        (Money::HeldUp, ..) => Exit::HeldUp,
        (Money::Contradicted, ..) => Exit::Alarm,
        // Known, and told: whatever else went wrong, a signal or a tear that did not come about, the order is done.
        (Money::Known, _, Telling::Told)
        | (Money::NoneAsked | Money::NotMoved, Work::Whole | Work::TearMissed, Telling::Told | Telling::NobodyReads) => {
            Exit::Done
        }
        // Nobody knows. Or it is known, and the caller has not read it: that is neither done nor undone.
        (Money::NotKnown, ..)
        | (Money::Known, _, Telling::NobodyReads | Telling::Lost)
        | (Money::NoneAsked | Money::NotMoved, Work::Whole | Work::TearMissed, Telling::Lost)
        | (Money::NoneAsked | Money::NotMoved, Work::Inconclusive, _) => Exit::Unresolved,
        (Money::NoneAsked | Money::NotMoved, Work::Failed, _) => Exit::Failed,
        (Money::NoneAsked | Money::NotMoved, Work::Usage, _) => Exit::Usage,
        (Money::NoneAsked | Money::NotMoved, Work::NoCard, _) => Exit::NoCard,
        (Money::NoneAsked | Money::NotMoved, Work::Signalled(signal), _) => signal.exit(),
    }
}

impl Signal {
    /// The one with this number, if it is one of these.
    pub const fn numbered(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Hup),
            2 => Some(Self::Int),
            15 => Some(Self::Term),
            _ => None,
        }
    }

    /// 128 and its number, as a shell reports it.
    pub const fn exit(self) -> Exit {
        match self {
            Self::Hup => Exit::HungUp,
            Self::Int => Exit::Interrupted,
            Self::Term => Exit::Terminated,
        }
    }
}

impl Work {
    /// What a code says of work that was to move nothing.
    pub const fn of(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::Whole,
            Exit::Unresolved => Self::Inconclusive,
            Exit::Usage => Self::Usage,
            Exit::NoCard => Self::NoCard,
            Exit::HungUp => Self::Signalled(Signal::Hup),
            Exit::Interrupted => Self::Signalled(Signal::Int),
            Exit::Terminated => Self::Signalled(Signal::Term),
            Exit::Failed | Exit::HeldUp | Exit::Alarm => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONEY: [Money; 6] =
        [Money::NoneAsked, Money::NotMoved, Money::HeldUp, Money::NotKnown, Money::Known, Money::Contradicted];
    const WORK: [Work; 9] = [
        Work::Whole,
        Work::Failed,
        Work::Usage,
        Work::NoCard,
        Work::Inconclusive,
        Work::Signalled(Signal::Hup),
        Work::Signalled(Signal::Int),
        Work::Signalled(Signal::Term),
        Work::TearMissed,
    ];
    const TELLING: [Telling; 3] = [Telling::Told, Telling::NobodyReads, Telling::Lost];

    /// Every cell, as README prints the codes. A row is one [`Money`], a group one [`Work`], its three numbers are told, nobody reads,
    /// lost.
    #[test]
    fn the_table() {
        let nothing = "0 0 2 | 1 1 1 | 3 3 3 | 4 4 4 | 2 2 2 | 129 129 129 | 130 130 130 | 143 143 143 | 0 0 2";
        let known = ["0 2 2"; 9].join(" | ");
        let same = |number: &str| [[number; 3].join(" ").as_str(); 9].join(" | ");
        let expected = [nothing.to_owned(), nothing.to_owned(), same("5"), same("2"), known, same("6")];
        for (money, row) in MONEY.into_iter().zip(expected) {
            let cell = |work| TELLING.map(|telling| (code(money, work, telling) as u8).to_string()).join(" ");
            assert_eq!(WORK.map(cell).join(" | "), row, "{money:?}");
        }
    }

    #[test]
    fn value_that_moved_or_may_have_never_looks_undone() {
        for money in [Money::Known, Money::NotKnown] {
            for work in WORK {
                for telling in TELLING {
                    let exit = code(money, work, telling);
                    assert!([Exit::Done, Exit::Unresolved].contains(&exit), "{money:?} {work:?} {telling:?}: {exit:?}");
                }
            }
        }
    }

    #[test]
    fn a_signal_has_its_number() {
        for (number, exit) in [(1, 129), (2, 130), (15, 143)] {
            assert_eq!(Signal::numbered(number).map(|signal| signal.exit() as u8), Some(exit));
        }
        assert_eq!(Signal::numbered(9), None);
    }
}
