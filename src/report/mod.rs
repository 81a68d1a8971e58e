//! What came of a request, for people and for programs: one sentence, one slip, one JSON object.

pub mod outcome;
pub mod slip;
