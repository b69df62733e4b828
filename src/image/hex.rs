//! Intel HEX: records become segments, neighbours are joined.

use std::path::Path;

use ihex::Record;

use super::{Image, ImageError, Segment, sorted};
use crate::layout::Address;

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Image, ImageError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImageError::HexNotText {
        path: path.to_owned(),
    })?;
    let mut reader = Reader::default();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() {
            continue;
        }
        let record = Record::from_record_string(line).map_err(|source| ImageError::Hex {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        if record == Record::EndOfFile {
            return reader.finish(path);
        }
        reader.take(record, path)?;
    }
    Err(ImageError::HexWithoutEnd {
        path: path.to_owned(),
    })
}

#[derive(Default)]
struct Reader {
    base: u32,
    entry: Option<Address>,
    segments: Vec<Segment>,
}

impl Reader {
    fn take(&mut self, record: Record, path: &Path) -> Result<(), ImageError> {
        match record {
            Record::Data { offset, value } => return self.data(offset, value, path),
            Record::ExtendedSegmentAddress(paragraph) => self.base = u32::from(paragraph) << 4,
            Record::ExtendedLinearAddress(upper) => self.base = u32::from(upper) << 16,
            Record::StartLinearAddress(entry) => self.entry = Some(Address(entry & !1)),
            // CS:IP means nothing to an Arm core; the end is handled by the caller.
            Record::StartSegmentAddress { .. } | Record::EndOfFile => {}
        }
        Ok(())
    }

    fn data(&mut self, offset: u16, value: Vec<u8>, path: &Path) -> Result<(), ImageError> {
        let Some(address) = self.base.checked_add(u32::from(offset)).map(Address) else {
            return Err(ImageError::BeyondSpace {
                path: path.to_owned(),
                address: Address(self.base),
                length: value.len() as u64,
            });
        };
        match self.segments.last_mut() {
            Some(last) if last.range().end == u64::from(address.0) => last.data.extend(value),
            _ => self.segments.push(Segment {
                address,
                data: value,
                runs_at: None,
            }),
        }
        Ok(())
    }

    fn finish(self, path: &Path) -> Result<Image, ImageError> {
        let mut segments = sorted(self.segments, path)?;
        // Files written in another order than by address leave neighbours behind.
        segments.dedup_by(|next, previous| {
            let adjacent = previous.range().end == next.range().start;
            if adjacent {
                previous.data.append(&mut next.data);
            }
            adjacent
        });
        Ok(Image {
            entry: self.entry,
            segments,
            ..Image::default()
        })
    }
}
