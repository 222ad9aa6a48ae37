//! As it is.

pub(super) type Connected<C> = C;

#[path = "code.rs"]
pub(super) mod code;
