//! Card families, one folder each. Families know no other family.

pub mod purse;
