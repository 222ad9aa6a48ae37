//! With the alias changed.

pub(super) type Connected<C> = throughline_redis::Traced<C>;

#[path = "code.rs"]
pub(super) mod code;
