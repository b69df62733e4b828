//! One program: its DWARF sections, an index of its call frame information, and its symbols.

use std::{fmt, fs, sync::Arc};

use addr2line::Context;
use gimli::{
    BaseAddresses, CieOrFde, DebugFrame, DebugFrameOffset, EndianArcSlice, FrameDescriptionEntry,
    LittleEndian, Section as _, SectionId, UnwindSection as _,
};
use object::{Object as _, ObjectSection as _, SectionKind, read::elf::ElfFile32};

use super::{DebugInfoError, Place};
use crate::{
    image::{Image, Symbols},
    layout::Address,
};

/// Bytes of a section, shared with whoever reads it.
pub(super) type Bytes = EndianArcSlice<LittleEndian>;

/// All DWARF sections of a file.
pub(super) type Dwarf = gimli::Dwarf<Bytes>;

/// A section that claims to be larger once it is unpacked is no debug information of firmware.
const LARGEST_SECTION: u64 = 1 << 28;

/// Code this low (ITCM) may share its addresses with functions that the linker has dropped: it leaves their debug information at 0.
/// Where the two do not agree the symbol is right, and the line is not known.
const DROPPED_FUNCTIONS_END: u32 = 0x1_0000;

/// Halfwords that are looked back over for a line.
const LONGEST_WITHOUT_LINE: u32 = 32;

/// Debug information of one file.
pub(super) struct Program {
    symbols: Symbols,
    /// Address ranges of executable sections.
    code: Vec<std::ops::Range<u64>>,
    lines: Option<Context<Bytes>>,
    pub(super) frames: DebugFrame<Bytes>,
    /// First address of each function with call frame information, and its entry.
    entries: Vec<(u64, DebugFrameOffset)>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("code", &self.code)
            .field("has_lines", &self.lines.is_some())
            .field("call_frame_entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl Program {
    pub(super) fn of(image: &Image) -> Result<Self, DebugInfoError> {
        Ok(Self::from_bytes(&bytes_of(image)?, image))
    }

    /// Of the file that `image` was made from.
    pub(super) fn from_bytes(bytes: &[u8], image: &Image) -> Self {
        let elf: Option<ElfFile32<'_>> = ElfFile32::parse(bytes).ok();
        let section = |id: SectionId| section(elf.as_ref(), id.name());
        let mut frames = DebugFrame::from(section(DebugFrame::<Bytes>::id()));
        frames.set_address_size(4);
        let dwarf = gimli::Dwarf::load(|id| Ok::<_, gimli::Error>(section(id)));
        Self {
            symbols: image.symbols().clone(),
            code: elf.as_ref().map_or_else(
                || {
                    image
                        .segments()
                        .iter()
                        .map(|segment| segment.range())
                        .collect()
                },
                executable,
            ),
            lines: dwarf.and_then(Context::from_dwarf).ok(),
            entries: index(&frames),
            frames,
        }
    }

    pub(super) fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    pub(super) fn has_code_at(&self, address: Address) -> bool {
        let address = u64::from(address.0);
        self.code.iter().any(|range| range.contains(&address))
    }

    /// Innermost first; the symbol where the debug information has nothing.
    pub(super) fn places(&self, address: Address) -> Vec<Place> {
        let places = self.places_with_line(address);
        let symbol = self.symbols.locate(address);
        let dropped = address.0 < DROPPED_FUNCTIONS_END
            && !self.symbols.is_empty()
            && places.last().and_then(|place| place.function.as_deref())
                != symbol.map(|symbol| symbol.function);
        if !places.is_empty() && !dropped {
            return places;
        }
        symbol
            .map(|symbol| Place {
                function: Some(symbol.to_string()),
                ..Place::default()
            })
            .into_iter()
            .collect()
    }

    /// A compiler leaves instructions without a line (line 0, DWARF 5, 6.2.2): then that of the one before counts, as GDB has it.
    fn places_with_line(&self, address: Address) -> Vec<Place> {
        let mut places = self.places_of_lines(address).unwrap_or_default();
        if places
            .first()
            .is_none_or(|innermost| innermost.line.is_some())
        {
            return places;
        }
        let function = places.last().and_then(|place| place.function.clone());
        let before = (1..=LONGEST_WITHOUT_LINE)
            .map_while(|count| address.0.checked_sub(2 * count))
            .filter_map(|address| self.places_of_lines(Address(address)))
            .take_while(|places| {
                places
                    .last()
                    .is_some_and(|place| place.function == function)
            })
            .filter_map(|places| places.into_iter().next())
            .find(|place| place.line.is_some());
        if let (Some(innermost), Some(before)) = (places.first_mut(), before) {
            innermost.file = before.file;
            innermost.line = before.line;
        }
        places
    }

    fn places_of_lines(&self, address: Address) -> Option<Vec<Place>> {
        let lines = self.lines.as_ref()?;
        let mut frames = lines
            .find_frames(u64::from(address.0))
            .skip_all_loads()
            .ok()?;
        let mut places = Vec::new();
        while let Some(frame) = frames.next().ok()? {
            let function = frame
                .function
                .and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let location = frame.location;
            places.push(Place {
                function: function.or_else(|| Some(self.symbols.locate(address)?.to_string())),
                file: location
                    .as_ref()
                    .and_then(|location| location.file.map(str::to_owned)),
                line: location.and_then(|location| location.line),
                inlined: true,
            });
        }
        if let Some(outermost) = places.last_mut() {
            outermost.inlined = false;
        }
        Some(places)
    }

    /// The lowest address whose line this is.
    pub(super) fn address_of_line(&self, file: &str, line: u32) -> Option<Address> {
        let lines = self.lines.as_ref()?;
        let rows = self
            .code
            .iter()
            .filter_map(|code| lines.find_location_range(code.start, code.end).ok());
        rows.flatten()
            .filter(|(_, _, location)| {
                location.line == Some(line) && location.file.is_some_and(|path| is_file(path, file))
            })
            .map(|(address, _, _)| address)
            .min()
            .map(|address| Address(address as u32))
    }

    /// The call frame information of the function that `address` lies in.
    pub(super) fn frame_entry(&self, address: Address) -> Option<FrameDescriptionEntry<Bytes>> {
        let address = u64::from(address.0);
        let after = self.entries.partition_point(|(start, _)| *start <= address);
        let (_, offset) = self.entries[..after].last()?;
        let entry = self
            .frames
            .fde_from_offset(
                &BaseAddresses::default(),
                *offset,
                DebugFrame::cie_from_offset,
            )
            .ok()?;
        entry.contains(address).then_some(entry)
    }
}

/// True if `name` is `path` or ends it from a folder on.
fn is_file(path: &str, name: &str) -> bool {
    let head = path.strip_suffix(name);
    head.is_some_and(|head| head.is_empty() || head.ends_with(['/', '\\']))
}

/// The file that `image` was made from; none for one that is not from a file.
fn bytes_of(image: &Image) -> Result<Vec<u8>, DebugInfoError> {
    match image.path() {
        Some(path) => fs::read(path).map_err(|source| DebugInfoError {
            path: path.to_owned(),
            source,
        }),
        None => Ok(Vec::new()),
    }
}

/// The DWARF sections of the file that `image` was made from, if they make sense.
pub(super) fn dwarf_of(image: &Image) -> Result<Option<Dwarf>, DebugInfoError> {
    let bytes = bytes_of(image)?;
    let elf: Option<ElfFile32<'_>> = ElfFile32::parse(bytes.as_slice()).ok();
    let load = |id: SectionId| Ok::<_, gimli::Error>(section(elf.as_ref(), id.name()));
    Ok(Dwarf::load(load).ok())
}

/// A section's bytes, unpacked; none if it is not there or is not what it says.
fn section(elf: Option<&ElfFile32<'_>>, name: &str) -> Bytes {
    let bytes = elf
        .and_then(|elf| elf.section_by_name(name))
        .and_then(|section| section.compressed_data().ok())
        .filter(|data| data.uncompressed_size <= LARGEST_SECTION)
        .and_then(|data| data.decompress().ok())
        .unwrap_or_default();
    Bytes::new(Arc::from(&*bytes), LittleEndian)
}

fn executable(elf: &ElfFile32<'_>) -> Vec<std::ops::Range<u64>> {
    elf.sections()
        .filter(|section| section.kind() == SectionKind::Text)
        .map(|section| section.address()..section.address().saturating_add(section.size()))
        .collect()
}

/// The entries by address; what comes after a malformed one is lost.
fn index(frames: &DebugFrame<Bytes>) -> Vec<(u64, DebugFrameOffset)> {
    let bases = BaseAddresses::default();
    let mut iterator = frames.entries(&bases);
    let mut entries = Vec::new();
    while let Ok(Some(entry)) = iterator.next() {
        let CieOrFde::Fde(partial) = entry else {
            continue;
        };
        if let Ok(entry) = partial.parse(DebugFrame::cie_from_offset)
            && entry.len() > 0
        {
            entries.push((entry.initial_address(), DebugFrameOffset(partial.offset())));
        }
    }
    entries.sort_by_key(|(start, offset)| (*start, offset.0));
    entries
}
