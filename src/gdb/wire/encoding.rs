//! Numbers and bytes as the remote protocol writes them (GDB manual, "Overview"): hexadecimal digits, and binary data with
//! `}` before a byte that is sent with bit 5 flipped.

/// The escape byte.
const ESCAPE: u8 = b'}';

/// What an escaped byte is combined with.
const FLIP: u8 = 0x20;

/// A hexadecimal number of at most 32 bits; neither empty nor signed.
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `address,length` where the last byte still lies in the 32-bit address space.
pub fn range(text: &[u8]) -> Option<(u32, u32)> {
    let (address, length) = split(text, b',')?;
    let (address, length) = (number(address)?, number(length)?);
    let end = u64::from(address) + u64::from(length);
    (end <= 1 << 32).then_some((address, length))
}

/// What stands before and after the first `separator`.
pub fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Bytes from pairs of hexadecimal digits.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|pair| number(pair).and_then(|byte| u8::try_from(byte).ok()))
        .collect()
}

/// How many bytes [`from_hex`] would give.
pub fn hex_length(digits: &[u8]) -> Option<usize> {
    let pairs = digits.len().is_multiple_of(2);
    (pairs && digits.iter().all(u8::is_ascii_hexdigit)).then_some(digits.len() / 2)
}

/// Two hexadecimal digits a byte.
pub fn to_hex(bytes: &[u8]) -> Vec<u8> {
    let mut hex = Vec::with_capacity(2 * bytes.len());
    hex.extend(bytes.iter().copied().flat_map(digits));
    hex
}

/// The two hexadecimal digits of a byte.
pub fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 0xf)],
    ]
}

/// Binary data without its escapes; `None` if it ends in the middle of one.
pub fn unescape(body: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut body = body.iter();
    while let Some(&byte) = body.next() {
        bytes.push(if byte == ESCAPE {
            body.next()? ^ FLIP
        } else {
            byte
        });
    }
    Some(bytes)
}

/// How many bytes [`unescape`] would give.
pub fn unescaped_length(body: &[u8]) -> Option<usize> {
    let mut length = 0;
    let mut body = body.iter();
    while let Some(&byte) = body.next() {
        if byte == ESCAPE {
            body.next()?;
        }
        length += 1;
    }
    Some(length)
}

/// Binary data as it is sent: `#`, `$`, `}` and `*` (run-length encoding) escaped.
pub fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    append_escaped(&mut body, bytes);
    body
}

/// The same behind what `body` begins with.
pub fn append_escaped(body: &mut Vec<u8>, bytes: &[u8]) {
    // One byte in 64 is escaped if they are random.
    body.reserve(bytes.len() + bytes.len() / 16);
    for &byte in bytes {
        if matches!(byte, b'#' | b'$' | b'*' | ESCAPE) {
            body.extend([ESCAPE, byte ^ FLIP]);
        } else {
            body.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_plain_hexadecimal() {
        assert_eq!(number(b"70010000"), Some(0x7001_0000));
        assert_eq!(number(b"000000000000001f"), Some(0x1f));
        for wrong in [&b""[..], b"+1", b"-1", b"0x10", b"100000000", b"xx", b"1 "] {
            assert_eq!(number(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn a_range_ends_inside_the_address_space() {
        assert_eq!(range(b"fffffffc,4"), Some((0xffff_fffc, 4)));
        assert_eq!(range(b"fffffffc,5"), None);
        assert_eq!(range(b"0"), None);
    }

    #[test]
    fn hex_takes_whole_bytes() {
        assert_eq!(from_hex(b"00fF"), Some(vec![0, 0xff]));
        assert_eq!(from_hex(b"0"), None);
        assert_eq!(from_hex(b"+1"), None);
        assert_eq!(to_hex(&[0x0a, 0xf5]), b"0af5");
    }

    #[test]
    fn an_escape_needs_its_byte() {
        assert_eq!(unescape(b"}\x03}"), None);
        assert_eq!(unescaped_length(b"}\x03}"), None);
    }

    proptest! {
        #[test]
        fn binary_data_survives(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let body = escape(&bytes);
            prop_assert!(!body.iter().any(|byte| matches!(byte, b'#' | b'$' | b'*')));
            prop_assert_eq!(unescaped_length(&body), Some(bytes.len()));
            prop_assert_eq!(unescape(&body), Some(bytes));
        }

        #[test]
        fn a_length_is_that_of_what_comes_out(text in proptest::collection::vec(any::<u8>(), 0..20), bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert_eq!(unescaped_length(&text), unescape(&text).map(|bytes| bytes.len()));
            prop_assert_eq!(hex_length(&text), from_hex(&text).map(|bytes| bytes.len()));
            prop_assert_eq!(hex_length(&to_hex(&bytes)), Some(bytes.len()));
        }
    }
}
