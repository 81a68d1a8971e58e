//! One table of keys: what a key does in a mode, and the words by which bottom line and help say so.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the keyboard is for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// An amount is typed.
    Amount,
    /// Open records of earlier runs have to be looked at.
    OpenRecords,
    /// A card is awaited.
    Waiting,
    /// A card is being worked with.
    Working,
    /// The PIN is typed.
    Pin,
    /// A result is shown.
    Outcome,
    /// The exchange pane has the focus.
    Exchange,
    /// The bench has the focus.
    Bench,
    /// The list of orders has the focus.
    Journal,
    /// One order is shown.
    Order,
    /// The list of readers has the focus.
    Readers,
    /// The conformance suite has the focus.
    Suite,
    /// A part of a case's id is typed.
    Search,
    /// A deliberate defect is chosen for the next run.
    Mutants,
    /// What came of one of its cases is shown.
    Case,
    /// The keys are shown.
    Help,
}

impl Mode {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 16] = [
        Self::Amount,
        Self::OpenRecords,
        Self::Waiting,
        Self::Working,
        Self::Pin,
        Self::Outcome,
        Self::Exchange,
        Self::Bench,
        Self::Journal,
        Self::Order,
        Self::Readers,
        Self::Suite,
        Self::Search,
        Self::Mutants,
        Self::Case,
        Self::Help,
    ];

    /// Whether letters and digits are typed, and ask for nothing else.
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::Search | Self::Mutants)
    }
}

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A letter or sign.
    Char(char),
    /// 0 to 9.
    Digit,
    /// Any of these, where a text is typed.
    Text,
    /// Control and a letter.
    Control(char),
    /// Any other.
    Named(KeyCode),
}

impl Key {
    /// What was pressed, and the digit where it is one; nothing for a release.
    pub fn of(event: &KeyEvent) -> Option<(Self, u8)> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        Some(match event.code {
            KeyCode::Char(letter) if event.modifiers.contains(KeyModifiers::CONTROL) => (Self::Control(letter), 0),
            KeyCode::Char(digit @ '0'..='9') => (Self::Digit, digit as u8 - b'0'),
            KeyCode::Char(letter) => (Self::Char(letter), 0),
            code => (Self::Named(code), 0),
        })
    }

    /// What it is where a text is typed.
    #[must_use]
    pub const fn typed(self) -> Self {
        match self {
            Self::Char(_) | Self::Digit => Self::Text,
            other => other,
        }
    }

    /// As it is written on the bottom line.
    pub fn name(self) -> String {
        match self {
            Self::Char(letter) => letter.to_string(),
            Self::Digit => "0-9".to_owned(),
            Self::Text => "a-z".to_owned(),
            Self::Control(letter) => format!("Ctrl-{}", letter.to_ascii_uppercase()),
            Self::Named(code) => match code {
                KeyCode::Up => "↑".to_owned(),
                KeyCode::Down => "↓".to_owned(),
                KeyCode::Left => "←".to_owned(),
                KeyCode::Right => "→".to_owned(),
                KeyCode::Backspace => "⌫".to_owned(),
                KeyCode::BackTab => "Shift-Tab".to_owned(),
                KeyCode::PageUp => "PgUp".to_owned(),
                KeyCode::PageDown => "PgDn".to_owned(),
                code => code.to_string(),
            },
        }
    }
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What a key can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum KeyCommand { $($(#[$doc])* $name),* }

        impl KeyCommand {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

commands! {
    /// A digit of the amount or the PIN.
    Digit,
    /// Take the last digit back.
    Erase,
    /// Go: take the amount, the PIN, the result, the line.
    Accept,
    /// Amounts are sales.
    ModeSale,
    /// Amounts are top-ups.
    ModeTopUp,
    /// Amounts are refunds.
    ModeRefund,
    /// Show a card's balance.
    Balance,
    /// Show a card's own record.
    History,
    /// Resolve what is open on a card.
    Resolve,
    /// Acknowledge an open record.
    Acknowledge,
    /// Stop waiting.
    Stop,
    /// Back to where one came from.
    Back,
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
    /// Tear an earlier exchange.
    Earlier,
    /// Tear a later exchange.
    Later,
    /// Put the virtual card on the reader.
    Present,
    /// Lift it.
    Lift,
    /// Have it lifted at the chosen exchange.
    Arm,
    /// Take that back.
    Disarm,
    /// Another card.
    NextCard,
    /// Slower, faster.
    NextPace,
    /// The next screen.
    NextTab,
    /// The screen before.
    PreviousTab,
    /// Listings, or one line each.
    Decode,
    /// Run the chosen suite or case.
    Run,
    /// Run all suites.
    RunAll,
    /// End the run.
    StopRun,
    /// Show what did not pass, or everything.
    OnlyFailures,
    /// Look for cases by a part of their id.
    Search,
    /// A letter of what is looked for.
    Letter,
    /// Choose a deliberate defect for the next run.
    PickMutant,
    /// Keep report and logs of the last run.
    Write,
    /// Show a suite's cases.
    Unfold,
    /// Hide them.
    Fold,
    /// The case before.
    PreviousCase,
    /// The case after.
    NextCase,
    /// Show the keys.
    Help,
    /// Leave.
    Quit,
    /// Leave once the card is done with.
    QuitAfter,
}

impl KeyCommand {
    /// Whether it means the same on every screen.
    pub const fn is_of_the_window(self) -> bool {
        matches!(self, Self::NextTab | Self::PreviousTab | Self::Help | Self::Back | Self::Quit | Self::QuitAfter)
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// Where it counts.
    pub modes: &'static [Mode],
    /// Which key.
    pub key: Key,
    /// What it asks for.
    pub command: KeyCommand,
    /// For the bottom line; empty where that has no room for it.
    pub label: &'static str,
    /// For the help.
    pub help: &'static str,
}

const fn on(modes: &'static [Mode], key: Key, command: KeyCommand, label: &'static str, help: &'static str) -> Binding {
    Binding { modes, key, command, label, help }
}

const ENTER: Key = Key::Named(KeyCode::Enter);
const ESC: Key = Key::Named(KeyCode::Esc);
const BACKSPACE: Key = Key::Named(KeyCode::Backspace);
const UP: Key = Key::Named(KeyCode::Up);
const DOWN: Key = Key::Named(KeyCode::Down);

const PIN: &[Mode] = &[Mode::Pin];
const AMOUNT: &[Mode] = &[Mode::Amount];
const LISTS: &[Mode] = &[Mode::OpenRecords, Mode::Journal, Mode::Readers, Mode::Suite, Mode::Search, Mode::Mutants];
const SCROLLED: &[Mode] = &[Mode::Exchange, Mode::Order, Mode::Help, Mode::Outcome, Mode::Case];
const PAGED: &[Mode] =
    &[Mode::Exchange, Mode::Order, Mode::Help, Mode::Journal, Mode::Suite, Mode::Search, Mode::Mutants, Mode::Case];
const SUITE: &[Mode] = &[Mode::Suite];
const SEARCH: &[Mode] = &[Mode::Search];
const MUTANTS: &[Mode] = &[Mode::Mutants];
const CASE: &[Mode] = &[Mode::Case];
const TESTS: &[Mode] = &[Mode::Suite, Mode::Case];
const LEFT: Key = Key::Named(KeyCode::Left);
const RIGHT: Key = Key::Named(KeyCode::Right);
const CARD: &[Mode] = &[Mode::Amount, Mode::Waiting, Mode::Working, Mode::Exchange, Mode::Bench];
const QUIET: &[Mode] = &[
    Mode::Amount,
    Mode::OpenRecords,
    Mode::Outcome,
    Mode::Exchange,
    Mode::Bench,
    Mode::Journal,
    Mode::Readers,
    Mode::Suite,
    Mode::Case,
];
const EVERYWHERE: &[Mode] = &[
    Mode::Amount,
    Mode::OpenRecords,
    Mode::Waiting,
    Mode::Working,
    Mode::Outcome,
    Mode::Exchange,
    Mode::Bench,
    Mode::Journal,
    Mode::Order,
    Mode::Readers,
    Mode::Suite,
    Mode::Case,
];

/// The table. Bottom lines show their part of it in this order, as far as they have room.
pub const TABLE: &[Binding] = &[
    on(AMOUNT, Key::Digit, KeyCommand::Digit, "amount", "type the amount, as on a cash register"),
    on(AMOUNT, ENTER, KeyCommand::Accept, "start", "ask for the card"),
    on(AMOUNT, BACKSPACE, KeyCommand::Erase, "", "take the last digit back"),
    on(AMOUNT, ESC, KeyCommand::Back, "", "start over with the amount"),
    on(PIN, Key::Digit, KeyCommand::Digit, "PIN", "type the PIN, 4 to 12 digits"),
    on(PIN, ENTER, KeyCommand::Accept, "confirm", "confirm the PIN"),
    on(PIN, BACKSPACE, KeyCommand::Erase, "correct", "take the last digit back"),
    on(PIN, ESC, KeyCommand::Stop, "no PIN: cancel", "cancel without a PIN"),
    on(&[Mode::Waiting], ESC, KeyCommand::Stop, "stop", "stop waiting; an unresolved sale gets its slip"),
    on(&[Mode::Outcome], ENTER, KeyCommand::Accept, "next customer", "away with the result"),
    on(&[Mode::Outcome], ESC, KeyCommand::Back, "", "away with the result"),
    on(&[Mode::Readers], ENTER, KeyCommand::Accept, "use this reader", "use this reader"),
    on(&[Mode::Journal], ENTER, KeyCommand::Accept, "details", "show this order"),
    on(&[Mode::OpenRecords], ENTER, KeyCommand::Accept, "details", "show this order"),
    on(&[Mode::Bench], ENTER, KeyCommand::Arm, "arm", "tear the next touch there"),
    on(&[Mode::Order], ESC, KeyCommand::Back, "back", "back to the list"),
    on(&[Mode::Order], ENTER, KeyCommand::Back, "", "back to the list"),
    on(&[Mode::Help], ESC, KeyCommand::Back, "back", "away with the keys"),
    on(&[Mode::Help], Key::Char('?'), KeyCommand::Back, "", "away with the keys"),
    on(CASE, ESC, KeyCommand::Back, "back", "back to the tree"),
    on(SUITE, ENTER, KeyCommand::Accept, "open", "open a suite; show a case with its log"),
    on(TESTS, Key::Char('r'), KeyCommand::Run, "run", "run the chosen suite or case"),
    on(SUITE, Key::Char('a'), KeyCommand::RunAll, "all", "run all suites"),
    on(TESTS, Key::Char('s'), KeyCommand::StopRun, "stop", "end the run after the case under way"),
    on(SUITE, Key::Char('f'), KeyCommand::OnlyFailures, "failures", "show what did not pass, or everything again"),
    on(SUITE, Key::Char('/'), KeyCommand::Search, "search", "look for cases by a part of their id"),
    on(
        SUITE,
        Key::Char('m'),
        KeyCommand::PickMutant,
        "defect",
        "give what is tested a deliberate defect, which should be found",
    ),
    on(SUITE, Key::Char('w'), KeyCommand::Write, "write", "keep report and logs of the last run in a folder"),
    on(SUITE, ESC, KeyCommand::Back, "", "undo search and filter; then back to the sale"),
    on(SEARCH, Key::Text, KeyCommand::Letter, "part of an id", "a part of the id, or of the purpose"),
    on(SEARCH, ENTER, KeyCommand::Accept, "done", "go on with the cases that were found"),
    on(SEARCH, ESC, KeyCommand::Back, "all cases", "show all cases again"),
    on(MUTANTS, Key::Text, KeyCommand::Letter, "part of a name", "a part of its name, or of what it does"),
    on(MUTANTS, ENTER, KeyCommand::Accept, "choose", "test what has this defect from now on"),
    on(MUTANTS, ESC, KeyCommand::Back, "as before", "change nothing"),
    on(&[Mode::Search, Mode::Mutants], BACKSPACE, KeyCommand::Erase, "", "take the last letter back"),
    on(SUITE, RIGHT, KeyCommand::Unfold, "", "show a suite's cases"),
    on(SUITE, LEFT, KeyCommand::Fold, "", "hide them"),
    on(CASE, LEFT, KeyCommand::PreviousCase, "case", "the case before"),
    on(CASE, RIGHT, KeyCommand::NextCase, "case", "the case after"),
    on(CASE, Key::Char('d'), KeyCommand::Decode, "decode", "every octet explained, or not"),
    on(&[Mode::Exchange, Mode::Bench, Mode::Journal, Mode::Readers], ESC, KeyCommand::Back, "", "back to the sale"),
    on(&[Mode::Bench], LEFT, KeyCommand::Earlier, "command", "tear at a command before"),
    on(&[Mode::Bench], RIGHT, KeyCommand::Later, "command", "tear at a command behind"),
    on(&[Mode::Bench], UP, KeyCommand::Up, "moment", "before, after execution or mid-answer"),
    on(&[Mode::Bench], DOWN, KeyCommand::Down, "moment", "before, after execution or mid-answer"),
    on(LISTS, UP, KeyCommand::Up, "", "one line up"),
    on(LISTS, DOWN, KeyCommand::Down, "", "one line down"),
    on(SCROLLED, UP, KeyCommand::Up, "scroll", "one line up"),
    on(SCROLLED, DOWN, KeyCommand::Down, "scroll", "one line down"),
    on(PAGED, Key::Named(KeyCode::PageUp), KeyCommand::PageUp, "", "a page up"),
    on(PAGED, Key::Named(KeyCode::PageDown), KeyCommand::PageDown, "", "a page down"),
    on(PAGED, Key::Named(KeyCode::Home), KeyCommand::First, "", "to the first line"),
    on(PAGED, Key::Named(KeyCode::End), KeyCommand::Last, "", "to the last line"),
    on(&[Mode::Exchange], Key::Char('d'), KeyCommand::Decode, "decode", "every octet explained, or one line for each"),
    on(CARD, Key::Char('p'), KeyCommand::Present, "put card", "put the virtual card on the reader"),
    on(CARD, Key::Char('l'), KeyCommand::Lift, "lift", "lift the virtual card now"),
    on(PIN, Key::Char('l'), KeyCommand::Lift, "lift", "lift the virtual card now"),
    on(CARD, Key::Char('a'), KeyCommand::Arm, "tear", "tear the next touch, at the command chosen on the bench"),
    on(CARD, Key::Char('x'), KeyCommand::Disarm, "", "do not tear after all"),
    on(CARD, Key::Char('c'), KeyCommand::NextCard, "", "take another virtual card"),
    on(CARD, Key::Char('v'), KeyCommand::NextPace, "", "exchanges slower, or at full speed"),
    on(AMOUNT, Key::Char('s'), KeyCommand::ModeSale, "", "the amount is a sale"),
    on(AMOUNT, Key::Char('t'), KeyCommand::ModeTopUp, "top-up", "the amount is a top-up"),
    on(AMOUNT, Key::Char('f'), KeyCommand::ModeRefund, "refund", "the amount is a refund"),
    on(AMOUNT, Key::Char('b'), KeyCommand::Balance, "balance", "show a card's balance"),
    on(AMOUNT, Key::Char('h'), KeyCommand::History, "", "show a card's own record"),
    on(
        &[Mode::OpenRecords],
        Key::Char('r'),
        KeyCommand::Resolve,
        "resolve",
        "touch that card: resolve what is open on it",
    ),
    on(
        &[Mode::OpenRecords],
        Key::Char('k'),
        KeyCommand::Acknowledge,
        "acknowledge",
        "go on without resolving this record",
    ),
    on(
        &[Mode::Journal, Mode::Order],
        Key::Char('r'),
        KeyCommand::Resolve,
        "resolve",
        "touch a card: resolve what is open on it",
    ),
    on(
        &[Mode::Journal, Mode::Order],
        Key::Char('k'),
        KeyCommand::Acknowledge,
        "acknowledge",
        "you have seen this open record",
    ),
    on(AMOUNT, Key::Char('r'), KeyCommand::Resolve, "", "touch a card: resolve what is open on it"),
    on(EVERYWHERE, Key::Named(KeyCode::Tab), KeyCommand::NextTab, "screens", "the next screen"),
    on(EVERYWHERE, Key::Named(KeyCode::BackTab), KeyCommand::PreviousTab, "", "the screen before"),
    on(EVERYWHERE, Key::Char('?'), KeyCommand::Help, "help", "all keys"),
    on(QUIET, Key::Char('q'), KeyCommand::Quit, "quit", "leave"),
    on(&[Mode::Working], Key::Char('q'), KeyCommand::QuitAfter, "", "leave when the result is there"),
    on(&Mode::ALL, Key::Control('c'), KeyCommand::Quit, "", "leave at once; an unresolved sale gets its slip"),
];

/// What this key asks for here.
pub fn command(mode: Mode, key: Key) -> Option<KeyCommand> {
    bindings(mode).find(|binding| binding.key == key).map(|binding| binding.command)
}

/// The part of the table that counts here.
pub fn bindings(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |binding| binding.modes.contains(&mode))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_key_means_one_thing_in_a_mode() {
        let mut seen = HashSet::new();
        for binding in TABLE {
            for mode in binding.modes {
                assert!(seen.insert((mode, binding.key)), "{:?} in {mode:?} is bound twice", binding.key);
            }
        }
    }

    #[test]
    fn every_command_has_a_key_and_every_binding_has_words() {
        for command in KeyCommand::ALL {
            assert!(TABLE.iter().any(|binding| binding.command == *command), "{command:?} has no key");
        }
        assert!(TABLE.iter().all(|binding| !binding.help.is_empty() && !binding.modes.is_empty()));
    }

    #[test]
    fn digits_stay_digits_where_they_are_typed() {
        let event = KeyEvent::new(KeyCode::Char('7'), KeyModifiers::NONE);
        assert_eq!(Key::of(&event), Some((Key::Digit, 7)));
        let release = KeyEvent { kind: KeyEventKind::Release, ..event };
        assert_eq!(Key::of(&release), None);
        assert_eq!(command(Mode::Pin, Key::Digit), Some(KeyCommand::Digit));
        assert_eq!(command(Mode::Journal, Key::Digit), None);
    }
}
