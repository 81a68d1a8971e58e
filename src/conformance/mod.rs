//! The conformance suite's engine, in the vocabulary of ISO/IEC 9646 (its twin to read freely: ITU-T X.290 to X.296).
//!
//! A [`case::Case`] has a purpose, requirements that it proves, claims that it needs, and a body that sees a
//! [`tester::Tester`] and nothing else: never which reader, never which card. A case about a terminal sees a
//! [`terminal_tester::TerminalTester`]: there the cards are the test system's, and may lie. [`selection`] decides which cases run;
//! [`runner`] runs them one after the other on the [`runner::Subjects`] and gives a [`result::TestReport`].
//!
//! It knows no card family. Families bring their cases through [`crate::family::Family`], suites that belong to no
//! family live in [`crate::suite`].

pub mod case;
pub mod error;
pub mod evidence;
pub mod expected;
pub mod facility;
pub mod judge;
pub mod kind;
pub mod long_answer;
pub mod lower_tester;
pub mod mutant;
mod pattern;
pub mod requirement;
pub mod result;
pub mod review;
pub mod rig;
pub mod risk;
pub mod role;
pub mod runner;
pub mod selection;
pub mod statement;
pub mod steps;
pub mod terminal_tester;
pub mod tester;
pub mod token;
pub mod verdict;
pub mod wanted;
