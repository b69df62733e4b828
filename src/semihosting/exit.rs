//! How a program ends: SYS_EXIT and SYS_EXIT_EXTENDED (Semihosting, 7.6 and 7.7).

/// ADP_Stopped_ApplicationExit: the program has come to its end.
const APPLICATION_EXIT: u32 = 0x2_0026;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// ADP_Stopped_... (Semihosting, 7.6): 0x20026 is the program's own wish.
    pub reason: u32,
    /// What it wanted its shell to see.
    pub code: u32,
}

impl Exit {
    pub(super) fn new(reason: u32, code: u32) -> Self {
        let code = match (reason, code) {
            (APPLICATION_EXIT, code) => code,
            // An abort (0x20023, 0x20024, ...) is no success, whatever stands beside it.
            (_, 0) => 1,
            (_, code) => code,
        };
        Self { reason, code }
    }

    /// True if the program ended because it wanted to, and not by an abort.
    pub fn is_wanted(self) -> bool {
        self.reason == APPLICATION_EXIT
    }

    /// The exit code for a process that stands for the program: eight bits, and never 0 for what is no success.
    pub fn status(self) -> u8 {
        match (self.code & 0xFF) as u8 {
            0 if self.code != 0 => 1,
            status => status,
        }
    }
}
