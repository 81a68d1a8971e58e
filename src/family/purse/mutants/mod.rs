//! Deliberate defects of the purse, around the right ones: no line of card or kernel knows them (CONTRIBUTING.md, "Deliberate defects").

pub mod kernel;
