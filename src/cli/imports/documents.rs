//! Imports, their rows and patterns as JSON; a field is added here.

use serde_json::{Value, json};

use crate::domain::import::{FrequentIssue, Import, ImportRow};
use crate::domain::pattern::Pattern;
use crate::domain::tenant::Language;
use crate::domain::vehicle::{Attributes, BodyType};

/// An import as JSON.
pub fn document(import: &Import) -> Value {
    let c = import.counts;
    json!({
        "id": import.id, "category": import.category, "file_name": import.file_name,
        "mode": import.mode.word(), "validate_only": import.validate_only, "state": import.state.word(),
        "counts": {
            "rows_read": c.rows_read, "created": c.created, "updated": c.updated, "unchanged": c.unchanged,
            "merged": c.merged, "rejected": c.rejected, "headers": c.headers, "withdrawn": c.withdrawn,
        },
        "etag": import.revision.to_string(), "waits_for": import.waits_for,
        "created_at": time(import.created_at), "finished_at": import.finished_at.map(time),
        "error": import.error.as_ref().map(|error| json!({
            "code": error.code, "message": error.message, "hint": error.hint,
        })),
    })
}

/// A frequent issue as JSON.
pub fn issue_document(issue: &FrequentIssue, language: Language) -> Value {
    json!({
        "rows": issue.rows, "code": issue.code, "message": issue.message_in(language),
        "suggestion": issue.suggestion_in(language), "how_to_mend": issue.how_to_mend(language),
    })
}

/// A row and what became of it as JSON.
pub fn row_document(found: &ImportRow) -> Value {
    let row = &found.row;
    let document = json!({
        "page_number": row.page_number, "row_number": row.row_number, "source_id": row.source_id,
        "cells": row.cells, "make": row.brand, "model": row.model, "generation": row.generation,
        "year_from": row.years.from, "year_to": row.years.to,
        "body_type": row.body_type.map(BodyType::word), "notes": row.notes, "confidence": row.confidence.word(),
        "outcome": found.outcome.word(), "pattern_id": found.pattern_id,
        "same_as": found.same_as.map(|(page, row)| json!({ "page_number": page, "row_number": row })),
        "changes": found.changes.iter().map(|change| json!({
            "field": change.field, "before": change.before, "after": change.after,
        })).collect::<Vec<_>>(),
        "issues": found.issues.iter().map(|issue| json!({
            "code": issue.code, "field": issue.field, "message": issue.message, "suggestion": issue.suggestion,
        })).collect::<Vec<_>>(),
    });
    with_attributes(document, &row.attributes)
}

/// A pattern as JSON.
pub fn pattern_document(pattern: &Pattern) -> Value {
    let document = json!({
        "id": pattern.id, "brand": pattern.brand, "model": pattern.model, "generation": pattern.generation,
        "year_from": pattern.years.from, "year_to": pattern.years.to,
        "body_type": pattern.body_type.map(BodyType::word), "notes": pattern.notes, "available": pattern.available,
    });
    with_attributes(document, &pattern.attributes)
}

fn with_attributes(mut document: Value, attributes: &Attributes) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.extend(Attributes::FIELDS.iter().map(|field| (field.name.to_owned(), json!((field.word)(attributes)))));
    }
    document
}

/// RFC 3339, UTC, whole seconds.
pub fn time(time: std::time::SystemTime) -> String {
    let time = prost_types::Timestamp::from(time);
    prost_types::Timestamp { nanos: 0, ..time }.to_string()
}
