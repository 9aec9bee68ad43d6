//! Writes down where the requests have lists. `src/shape.rs` counts by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

/// A `Shape` for every message that a server reads, and the sizes of all their elements.
pub(crate) fn of_requests(pool: &DescriptorPool) -> String {
    let mut messages = BTreeMap::new();
    for service in pool.services() {
        service.methods().for_each(|method| reach(&method.input(), &mut messages));
    }
    let mut out = String::new();
    let mut sizes = String::new();
    for message in messages.values() {
        let name = message.name();
        let lists = message.fields().filter(|field| field.is_list() || leads_to_lists(field));
        let fields: String = lists.map(|field| shape_of(&field)).collect();
        writeln!(
            out,
            "static {name}: Shape = Shape {{ message: \"{name}\", fields: &[{fields}] }};\n\
             impl Shaped for pb::{name} {{ const SHAPE: &'static Shape = &{name}; }}"
        )
        .expect("a string takes everything");
        for field in message.fields().filter(FieldDescriptor::is_list) {
            sizes += &format!("{}, ", element_bytes(&field));
        }
    }
    out + &format!("pub(super) const ELEMENT_BYTES: &[usize] = &[{sizes}];\n")
}

/// Collects a message and all that it may contain, by name.
fn reach(message: &MessageDescriptor, found: &mut BTreeMap<String, MessageDescriptor>) {
    if found.insert(message.name().to_owned(), message.clone()).is_some() {
        return;
    }
    for field in message.fields() {
        assert!(!field.is_map(), "{}: the elements of maps are not counted", field.full_name());
        if let Kind::Message(inside) = field.kind() {
            reach(&inside, found);
        }
    }
}

/// Whether the field is a message that has lists, or in which there is one that has.
fn leads_to_lists(field: &FieldDescriptor) -> bool {
    let Kind::Message(inside) = field.kind() else { return false };
    let mut messages = BTreeMap::new();
    reach(&inside, &mut messages);
    messages.values().any(|message| message.fields().any(|field| field.is_list()))
}

fn shape_of(field: &FieldDescriptor) -> String {
    let (number, name, packed) = (field.number(), field.name(), field.is_packed());
    let element_bytes = if field.is_list() { element_bytes(field) } else { "0".to_owned() };
    let inside = match field.kind() {
        Kind::Message(inside) if leads_to_lists(field) => format!("Some(&{})", inside.name()),
        _ => "None".to_owned(),
    };
    format!(
        "Field {{ number: {number}, name: \"{name}\", element_bytes: {element_bytes}, \
         packed: {packed}, inside: {inside} }}, "
    )
}

fn element_bytes(field: &FieldDescriptor) -> String {
    let element = match field.kind() {
        Kind::Message(message) => format!("pb::{}", message.name()),
        Kind::String => "String".to_owned(),
        Kind::Bytes => "bytes::Bytes".to_owned(),
        Kind::Uint32 => "u32".to_owned(),
        // No other number is larger.
        _ => "u64".to_owned(),
    };
    format!("size_of::<{element}>()")
}
