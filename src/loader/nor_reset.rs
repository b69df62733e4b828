//! A NOR back in its power-on protocol, after a routine has worked with it.
//!
//! A routine leaves the NOR in the protocol that it likes (ST's for the STM32H7S78-DK: octal STR), and a warm reset of the chip does
//! not change that. A boot stage need not look for it there: ST's Boot_XIP 1.3.0 finds the NOR in 1-bit and in octal DTR mode
//! only, and then hangs on a window that never answers. So the NOR gets its software reset, 66h and 99h (MX66UW1G45G data sheet,
//! "Reset Operation"), in each protocol: it obeys the one that it speaks, and ignores the others.
//!
//! The controller is as the routine left it: supplied, clocked, connected. The chip is reset after us, so nothing is put back.

use std::time::Duration;

use crate::{
    layout::Window,
    link::{Link, LinkError, RegisterAccess},
    registers::xspi::{Ccr, Cr, Fcr, Ir, Sr, Tcr, Xspi},
    window::block,
};

/// How long the controller may take to end a transfer of two bytes.
const LIMIT: Duration = Duration::from_millis(10);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_micros(100);
/// The NOR takes 40 us to recover from a reset while it is idle, and up to 100 ms in the middle of an erase (MX66UW1G45G data sheet,
/// tREADY2). The routine has waited for its own erases; one of somebody else may be under way.
const RECOVERY: Duration = Duration::from_millis(100);

/// CCR.IMODE: one line, eight lines.
const ONE_LINE: u32 = 1;
const EIGHT_LINES: u32 = 4;

/// A protocol, and RSTEN and RST in it: in octal modes the inverted byte follows.
struct Protocol {
    lines: u32,
    double_rate: bool,
    two_bytes: bool,
    commands: [u32; 2],
}

const PROTOCOLS: [Protocol; 3] = [
    Protocol {
        lines: EIGHT_LINES,
        double_rate: true,
        two_bytes: true,
        commands: [0x6699, 0x9966],
    },
    Protocol {
        lines: EIGHT_LINES,
        double_rate: false,
        two_bytes: true,
        commands: [0x6699, 0x9966],
    },
    Protocol {
        lines: ONE_LINE,
        double_rate: false,
        two_bytes: false,
        commands: [0x66, 0x99],
    },
];

/// Resets the NOR behind `window` and waits until it has recovered. The window is closed afterwards. False if the controller did not
/// take the commands.
pub fn reset_nor(link: &mut dyn Link, window: &Window) -> Result<bool, LinkError> {
    let xspi = block(window.controller);
    let control: Cr = link.peek(xspi)?;
    if !control.enabled() {
        return Ok(false);
    }
    link.poke(xspi, control.with_abort(true))?;
    if !wait(link, |link| Ok(!link.peek::<Cr>(xspi)?.abort()))? {
        return Ok(false);
    }
    link.poke(xspi, control.with_abort(false).with_functional_mode(0))?;
    for protocol in PROTOCOLS {
        for command in protocol.commands {
            if !send(link, xspi, &protocol, command)? {
                return Ok(false);
            }
        }
    }
    link.idle(RECOVERY)?;
    Ok(true)
}

/// One command without address and data: it starts when IR is written.
fn send(
    link: &mut dyn Link,
    xspi: Xspi,
    protocol: &Protocol,
    command: u32,
) -> Result<bool, LinkError> {
    if !wait(link, |link| Ok(!link.peek::<Sr>(xspi)?.busy()))? {
        return Ok(false);
    }
    link.poke(xspi, Fcr::default().with_transfer_complete(true))?;
    let configuration = Ccr::default()
        .with_instruction_lines(protocol.lines)
        .with_instruction_double_rate(protocol.double_rate)
        .with_instruction_bytes(u32::from(protocol.two_bytes));
    link.poke(xspi, configuration)?;
    link.poke(xspi, Tcr::default())?;
    link.poke(xspi, Ir::default().with_instruction(command))?;
    wait(link, |link| Ok(link.peek::<Sr>(xspi)?.transfer_complete()))
}

/// Looks until `done`, for [`LIMIT`] at most.
fn wait(
    link: &mut dyn Link,
    done: impl Fn(&mut dyn Link) -> Result<bool, LinkError>,
) -> Result<bool, LinkError> {
    let mut waited = Duration::ZERO;
    while !done(link)? {
        if waited >= LIMIT {
            return Ok(false);
        }
        link.idle(PAUSE)?;
        waited += PAUSE;
    }
    Ok(true)
}
