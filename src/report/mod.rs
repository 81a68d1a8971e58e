//! What came of a request or of a test run, for people and for programs.
//!
//! A request gives one sentence, one slip, one JSON object. A test run gives a [`TestReport`], from which every report is written:
//!
//! | a case | JUnit XML | CTRF | TAP 14 |
//! |---|---|---|---|
//! | passed | no child | passed | `ok` |
//! | failed | `failure` | failed | `not ok` |
//! | error, inconclusive | `error` | failed | `not ok` |
//! | expected (failed or inconclusive) | `skipped`, with the verdict | other | `not ok # TODO` |
//! | not applicable, blocked | `skipped` | skipped | `ok # SKIP` |
//! | not run | `skipped` | pending | `ok # SKIP` |
//!
//! What is wrong with the run as a whole ([`TestReport::troubles`]) stands there as one more case, of the suite `run`: so a run that was
//! interrupted, showed nothing or has stale expectations never reads as passed. Markdown, HTML, text and JSON say the standing itself.
//!
//! [`TestReport`]: crate::conformance::result::TestReport
//! [`TestReport::troubles`]: crate::conformance::result::TestReport::troubles

pub mod outcome;
pub mod plain;
pub mod slip;
pub mod suite;
pub mod traceability;
