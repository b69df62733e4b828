//! What we answer ourselves: requests that gdbstub lacks or gets wrong, and that need nothing from the target.

use std::path::Path;

use super::{
    arch,
    company::Client,
    wire::{
        dispatch::{Document, Part, Request},
        framer::PACKET_BYTES,
        reply::{self, ErrorForm, OK, UNSUPPORTED},
    },
};

/// What `vCont` takes. GDB uses `vCont` only where both `c` and `C`, `s` and `S` are offered.
const RESUME_ACTIONS: &[u8] = b"vCont;c;C;s;S;t;r";

/// The reply to a request that needs nothing from the target; `None` if it needs something.
pub fn by_heart(request: &Request, client: &mut Client, appli: Option<&Path>) -> Option<Vec<u8>> {
    Some(match request {
        Request::Supported {
            error_text,
            hwbreak,
        } => {
            client.takes_hwbreak = *hwbreak;
            client.error_form = if *error_text {
                ErrorForm::Text
            } else {
                ErrorForm::Number
            };
            supported(appli.is_some())
        }
        Request::StartNoAckMode
        | Request::ExtendedMode
        | Request::Symbols
        | Request::NonStop(false) => OK.to_vec(),
        Request::ResumeActions => RESUME_ACTIONS.to_vec(),
        // Attached, not started: GDB detaches when it quits, and kills nothing.
        Request::Attached => b"1".to_vec(),
        Request::Read { document, part } => {
            let Part { offset, length } = *part;
            match document {
                Document::Features => {
                    client.is_described = true;
                    reply::part(arch::DESCRIPTION.as_bytes(), offset, length)
                }
                Document::ExecFile => {
                    let path = appli.map(|path| path.as_os_str().as_encoded_bytes());
                    reply::part(path.unwrap_or_default(), offset, length)
                }
                Document::MemoryMap | Document::Threads => return None,
            }
        }
        Request::Unknown => UNSUPPORTED.to_vec(),
        _ => return None,
    })
}

/// What we can do. GDB opens the appli's file by itself if we offer `exec-file`, so we offer it only if there is one.
fn supported(has_appli: bool) -> Vec<u8> {
    let mut reply = format!(
        "PacketSize={PACKET_BYTES:x};QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;binary-upload+;\
         ConditionalBreakpoints+;BreakpointCommands+;\
         qXfer:features:read+;qXfer:memory-map:read+;qXfer:threads:read+"
    );
    if has_appli {
        reply.push_str(";qXfer:exec-file:read+");
    }
    reply.into_bytes()
}
