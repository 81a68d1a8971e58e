//! One door to the primitives. Primitives come from RustCrypto; protocols are ours and live in the families.
