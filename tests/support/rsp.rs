//! A bare client of the GDB Remote Serial Protocol, for what GDB itself would never send.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::server::PATIENCE;

/// A connection in acknowledge mode, which acknowledges what it gets.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to the server on 127.0.0.1, and numbers registers as its target description does.
    #[track_caller]
    pub fn connect(port: u16) -> Self {
        let mut client = Self::bare(port);
        let description = client.ask("qXfer:features:read:target.xml:0,1");
        assert!(description.starts_with('m'), "{description}");
        client
    }

    /// Connects to the server on 127.0.0.1, and has said nothing yet.
    #[track_caller]
    pub fn bare(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket option");
        stream.set_nodelay(true).expect("a socket option");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the server takes bytes");
    }

    /// Sends a packet.
    pub fn send(&mut self, body: &str) {
        let sum = body.bytes().fold(0u8, u8::wrapping_add);
        self.raw(format!("${body}#{sum:02x}").as_bytes());
    }

    /// The next packet's body. Acknowledgements are passed over; what was packed by escapes stays as it is.
    #[track_caller]
    pub fn receive(&mut self) -> String {
        self.receive_within(PATIENCE).expect("a reply")
    }

    /// The next packet's body, or nothing within `patience` or at the end of the connection.
    pub fn receive_within(&mut self, patience: Duration) -> Option<String> {
        self.stream.set_read_timeout(Some(patience)).ok()?;
        loop {
            if let Some(start) = self.buffer.iter().position(|&byte| byte == b'$')
                && let Some(length) = self.buffer[start..].iter().position(|&byte| byte == b'#')
                && self.buffer.len() >= start + length + 3
            {
                let body =
                    String::from_utf8_lossy(&self.buffer[start + 1..start + length]).into_owned();
                self.buffer.drain(..start + length + 3);
                self.raw(b"+");
                return Some(body);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(count @ 1..) => self.buffer.extend_from_slice(&chunk[..count]),
                _ => return None,
            }
        }
    }

    /// Sends a packet and returns the reply.
    #[track_caller]
    pub fn ask(&mut self, body: &str) -> String {
        self.send(body);
        self.receive()
    }

    /// Sends `monitor COMMAND` and waits for nothing.
    pub fn send_monitor(&mut self, command: &str) {
        let hex: String = command.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.send(&format!("qRcmd,{hex}"));
    }

    /// `monitor COMMAND`: the console text, and the last reply.
    #[track_caller]
    pub fn monitor(&mut self, command: &str) -> (String, String) {
        self.send_monitor(command);
        let mut text = String::new();
        loop {
            let reply = self.receive();
            match reply.strip_prefix('O') {
                Some(hex) if hex != "K" => text.push_str(&decode(hex)),
                _ => return (text, reply),
            }
        }
    }
}

/// Text of hex digits.
pub fn decode(hex: &str) -> String {
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
