//! The remote protocol as bytes: frames, what a packet asks for, and the replies.

pub mod dispatch;
pub mod encoding;
pub mod file_io;
pub mod framer;
pub mod reply;
pub mod request;
mod terms;
