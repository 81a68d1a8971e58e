//! Octets to values and back. Pure: no clock, no file, no randomness.
