//! The caches as software and debuggers meet them, in pairs: who maintains them gets what he expects, who forgets does not, as on the
//! chip (ARM DDI 0489F, 5.9; ARM ARM B2.2).

#[path = "../common/mod.rs"]
mod common;
mod debugger;
#[path = "../common/image.rs"]
mod image;
mod maintenance;
mod policies;
mod power_on;
mod puppet;
mod window;
