//! Print → read: what stands in a file's cells comes back cell by cell, however the file was written.

mod text;
mod workbook;
