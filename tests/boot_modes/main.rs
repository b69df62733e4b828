//! Boot stages that do more than jump: one that copies the appli to RAM (`lrun`), one that checks an MCUboot header and hash
//! (`signed`). Both debugged end to end, with images that the real imgtool makes.

#[path = "../support/mod.rs"]
mod support;

mod lrun;
mod signed;
