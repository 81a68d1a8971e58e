//! Reports of a test run, one file a format.

pub mod ctrf;
pub mod html;
pub mod json;
pub mod junit;
pub mod log;
pub mod markdown;
pub mod merge;
pub mod tap;
pub mod text;
