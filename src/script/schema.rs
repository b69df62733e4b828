//! The published schemas are what the types say: of a session's file, and of the lines that `session --json` prints.

use std::{fs, path::Path};

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

use super::{document::Script, report::Line};

#[track_caller]
fn assert_published<T: JsonSchema>(name: &str, settings: SchemaSettings) {
    let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    let mut now = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    now.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, now).expect("the schema can be written");
        return;
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        published, now,
        "UPDATE_GOLDENS=1 records what is new in docs/{name}"
    );
}

#[test]
fn the_schema_of_sessions_is_published() {
    assert_published::<Script>("session.schema.json", SchemaSettings::draft2020_12());
}

#[test]
fn the_schema_of_the_lines_is_published() {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    assert_published::<Line<'_>>("session-lines.schema.json", settings);
}
