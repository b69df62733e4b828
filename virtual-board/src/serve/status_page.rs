//! The status of a served board in the last lines of a terminal, four times a second, while commands are typed above it.
//!
//! The terminal's scrolling region (ECMA-48 and DEC VT100: DECSTBM) ends above the page, so that commands, replies and log lines scroll
//! there as ever and none of them has to know of the page. Each frame is one write that saves the cursor and puts it back, and what is
//! being typed stays. A page that has no room is not shown.

use std::{
    env,
    fmt::Write,
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use console::Term;

use super::{Seat, console as commands};
use crate::handle::VirtualBoard;

/// From one frame to the next.
const PERIOD: Duration = Duration::from_millis(250);
/// Lines that the commands keep for themselves.
const LEAST_ABOVE: usize = 4;
/// Between commands and page.
const RULE: &str = "----------------------------------------";
const PROMPT: &str = "> ";

/// DECSC, DECRC.
const SAVE_CURSOR: &str = "\x1b7";
const RESTORE_CURSOR: &str = "\x1b8";
/// IND: one line down in the same column; at the bottom the screen scrolls.
const INDEX: &str = "\x1bD";
/// DECAWM: a line that is too long is cut off.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";
/// EL: from the cursor to the end of the line.
const CLEAR_LINE: &str = "\x1b[K";
/// DECSTBM without limits, which moves the cursor; ED from the cursor to the end of the screen.
const TAKE_OFF: &str = "\x1b7\x1b[r\x1b8\x1b[J";

/// A page that is shown until it is dropped.
#[derive(Debug)]
pub struct StatusPage {
    terminal: Term,
    painter: Option<(Sender<()>, JoinHandle<()>)>,
}

impl StatusPage {
    /// Shows the page, if standard error or standard output is a terminal that can move its cursor.
    pub fn show(board: &VirtualBoard, seat: &Seat) -> io::Result<Option<Self>> {
        let dumb = env::var_os("TERM").is_some_and(|kind| kind == "dumb");
        let mut terminals = [Term::stderr(), Term::stdout()].into_iter();
        let Some(terminal) = terminals.find(|terminal| terminal.is_term() && !dumb) else {
            return Ok(None);
        };
        let mut frames = Frames::default();
        let mut paint = {
            let (terminal, board, seat) = (terminal.clone(), board.clone(), seat.clone());
            move || {
                let height = terminal.size_checked().map_or(0, |(rows, _)| rows.into());
                terminal.write_str(&frames.next(&commands::status(&board, &seat), height))?;
                Ok::<_, io::Error>(frames.end())
            }
        };
        let mut ending = paint()?;
        let (stop, stopped) = mpsc::channel();
        let last = terminal.clone();
        let painter = thread::spawn(move || {
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                match paint() {
                    Ok(now) => ending = now,
                    Err(error) => {
                        tracing::debug!("the status page ends: {error}");
                        return;
                    }
                }
            }
            // A terminal that is gone needs no tidying up.
            let _ = last.write_str(ending);
        });
        Ok(Some(Self {
            terminal,
            painter: Some((stop, painter)),
        }))
    }

    /// Asks for a command.
    pub fn prompt(&self) -> io::Result<()> {
        self.terminal.write_str(PROMPT)
    }
}

impl Drop for StatusPage {
    fn drop(&mut self) {
        if let Some((stop, painter)) = self.painter.take() {
            drop(stop);
            if painter.join().is_err() {
                tracing::error!("the status page ended by a panic");
            }
        }
    }
}

/// What the terminal is sent, frame by frame.
#[derive(Debug, Default)]
struct Frames {
    /// Lines of the terminal and of the page in them.
    place: Option<(usize, usize)>,
}

impl Frames {
    /// The frame that shows `text` on a terminal of so many lines.
    fn next(&mut self, text: &str, height: usize) -> String {
        let rows = text.lines().count() + 1;
        let fits = height >= rows + LEAST_ABOVE;
        let place = fits.then_some((height, rows));
        let mut frame = String::new();
        if place != self.place {
            frame.push_str(self.end());
            self.place = place;
            if place.is_some() {
                frame.push_str(&make_room(height, rows));
            }
        }
        if place.is_some() {
            frame.push_str(SAVE_CURSOR);
            frame.push_str(WRAP_OFF);
            let lines = std::iter::once(RULE).chain(text.lines());
            for (row, line) in (height - rows + 1..).zip(lines) {
                // Writing to a string cannot fail.
                let _ = write!(frame, "\x1b[{row};1H{line}{CLEAR_LINE}");
            }
            frame.push_str(WRAP_ON);
            frame.push_str(RESTORE_CURSOR);
        }
        frame
    }

    /// What takes the page off the terminal again: wherever a change of its size has moved it, it is below the cursor.
    fn end(&self) -> &'static str {
        match self.place {
            Some(_) => TAKE_OFF,
            None => "",
        }
    }
}

/// Lifts the cursor above the page, with what stands there, and keeps the scrolling there. DECSTBM itself moves the cursor.
fn make_room(height: usize, rows: usize) -> String {
    let (down, above) = (INDEX.repeat(rows), height - rows);
    format!("{down}\x1b[{rows}A{SAVE_CURSOR}\x1b[1;{above}r{RESTORE_CURSOR}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;

    #[test]
    fn the_page_tells_everything_in_as_many_lines_each_time() {
        let board = VirtualBoard::new(Board::builder().build().unwrap());
        let seat = Seat::default();
        let text = commands::status(&board, &seat);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert_eq!(lines[0], "time     0.000000 s");
        assert!(lines[1].starts_with("core     "), "{text}");
        assert_eq!(
            lines[2..],
            [
                "leds     off off off off",
                "Xspi1    window at 0x90000000 closed",
                "Xspi2    window at 0x70000000 closed",
                "nor      MX66UW1G45G, SPI, ready",
                "debugger none",
                "uart",
            ]
        );
        let _occupant = seat.take("Black Magic client 127.0.0.1:7", Duration::ZERO);
        board.with(|board| {
            let later = board.now() + crate::clock::Time::millis(5);
            let nor = board.nor_mut();
            nor.set_mode(crate::nor::Mode::Dopi);
            nor.keep_busy(later);
        });
        let text = commands::status(&board, &seat);
        assert_eq!(text.lines().count(), 8);
        assert!(text.contains("nor      MX66UW1G45G, octal DTR, busy\n"));
        assert!(text.contains("debugger Black Magic client 127.0.0.1:7\n"));
    }

    #[test]
    fn a_frame_reserves_its_place_once_and_leaves_the_cursor() {
        let mut frames = Frames::default();
        let first = frames.next("a\nb", 24);
        assert!(first.contains("\x1b[1;21r"), "{first:?}");
        let second = frames.next("a\nc", 24);
        let page = format!("\x1b[22;1H{RULE}\x1b[K\x1b[23;1Ha\x1b[K\x1b[24;1Hc\x1b[K");
        assert_eq!(second, format!("\x1b7\x1b[?7l{page}\x1b[?7h\x1b8"));
        let grown = frames.next("a\nc", 30);
        assert!(grown.starts_with(TAKE_OFF), "{grown:?}");
        assert!(grown.contains("\x1b[1;27r"), "{grown:?}");
        assert_eq!(frames.end(), TAKE_OFF);
    }

    #[test]
    fn a_terminal_without_room_shows_no_page() {
        let mut frames = Frames::default();
        assert_eq!(frames.next("a\nb", 6), "");
        assert_eq!(frames.end(), "");
        assert_ne!(frames.next("a\nb", 7), "");
        assert_eq!(frames.next("a\nb", 0), TAKE_OFF);
        assert_eq!(frames.end(), "");
    }
}
