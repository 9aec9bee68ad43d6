//! Fields of a message that is written by hand. A key is the number of a field and the kind of what follows.

use prost::encoding::{encode_varint, encoded_len_varint};

/// What a number takes with its key; nothing where it is zero.
pub(crate) fn number_bytes(number: u64) -> usize {
    if number == 0 { 0 } else { 1 + encoded_len_varint(number) }
}

/// Appends a number with its key; nothing where it is zero.
pub(crate) fn put_number(key: u64, number: u64, into: &mut Vec<u8>) {
    if number != 0 {
        encode_varint(key, into);
        encode_varint(number, into);
    }
}

/// Appends bytes with their key; nothing where there are none.
pub(crate) fn put_bytes(key: u64, bytes: &[u8], into: &mut Vec<u8>) {
    if !bytes.is_empty() {
        encode_varint(key, into);
        encode_varint(bytes.len() as u64, into);
        into.extend_from_slice(bytes);
    }
}
