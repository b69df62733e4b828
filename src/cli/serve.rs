//! `xspi-gdb serve`: the GDB server.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use super::{Outcome, client_host::ClientHost, target::Target};
use crate::gdb::{Options, Server, events::Events, rtt::FirstPorts, server::DEFAULT_PORT};

/// Serve GDB clients until SIGTERM or Ctrl-C.
///
/// Says `Listening for GDB on ADDRESS:PORT` on stdout when it is ready. The first client controls the target, others may look.
/// The target is left as the clients left it: running or halted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb serve --probe virtual --appli build/appli.elf
  xspi-gdb serve --port 0 --json
  xspi-gdb serve --probe 0483:3754 --board stm32h7s78-dk --on-attach arm")]
pub struct Serve {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    host: ClientHost,
    /// Port; 0 is any free one.
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Address to listen on. Whoever reaches it can program the board.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    #[command(flatten)]
    rtt: RttPorts,
    /// Serve the program's console (semihosting) on this port, for telnet, nc and IDEs; 0 is any free one. A program that reads its
    /// console waits for what is typed there.
    #[arg(long, value_name = "PORT")]
    telnet_port: Option<u16>,
    /// What happens, on stdout, one JSON object a line: listening, boot, window, progress, load, stop, program, rtt, console, fault,
    /// closed.
    #[arg(long)]
    json: bool,
}

/// RTT for readers of a TCP port.
#[derive(Debug, clap::Args)]
pub(super) struct RttPorts {
    /// Serve RTT: channel 0 on this port, channel 1 on the next, and so on; 0 is any free one for each. Text goes both ways, as it is.
    #[arg(long, value_name = "PORT")]
    rtt_port: Option<u16>,
    /// How many RTT channels get a port.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        requires = "rtt_port"
    )]
    rtt_channels: u16,
}

impl RttPorts {
    /// None unless the first is named.
    pub(super) fn first(&self) -> Option<FirstPorts> {
        self.rtt_port.map(|port| FirstPorts {
            port,
            channels: self.rtt_channels,
        })
    }
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let server = Server::listen(Options {
            address: SocketAddr::new(self.bind, self.port),
            events: if self.json {
                Events::Json
            } else {
                Events::ReadyLine
            },
            rtt: self.rtt.first(),
            console: self.telnet_port,
            ..Options::default()
        })
        .map_err(crate::fault::Fault::from)?;
        let target = self.target.for_clients(self.host);
        server.serve(move || target.open()?.session())?;
        Ok(ExitCode::SUCCESS)
    }
}
