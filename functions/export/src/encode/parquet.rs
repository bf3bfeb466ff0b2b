//! Parquet with ZSTD, by the writer of columns: a row group is kept as columns until it is full, and only then compressed.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use carillon_core::export::table::{Cell, Column, Kind, Row};
use parquet::{
    basic::{
        Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
    },
    data_type::{BoolType, ByteArray, ByteArrayType, Int64Type},
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};

use super::EncodeError;

/// Rows of a row group: some tens of megabytes while they wait. Readers skip a group by the ranges of its columns.
const GROUP: usize = 65_536;
/// What is paid for in CPU; the next levels save a few percent.
const LEVEL: i32 = 3;

pub struct ParquetEncoder {
    writer: SerializedFileWriter<Sink>,
    sink: Sink,
    columns: Vec<Values>,
    rows: usize,
}

/// A column of the row group at hand. A value's level says whether it is there.
struct Values {
    present: Vec<i16>,
    values: Typed,
}

enum Typed {
    Texts(Vec<ByteArray>),
    Integers(Vec<i64>),
    Flags(Vec<bool>),
}

/// What the writer wrote and nobody took yet.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ParquetEncoder {
    pub fn new(columns: &[Column]) -> Result<Self, EncodeError> {
        let level = ZstdLevel::try_new(LEVEL)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("carillon".to_owned());
        let sink = Sink::default();
        let writer = SerializedFileWriter::new(
            sink.clone(),
            schema(columns)?,
            Arc::new(properties.build()),
        )?;
        Ok(Self {
            writer,
            sink,
            columns: columns
                .iter()
                .map(|column| Values::new(column.kind))
                .collect(),
            rows: 0,
        })
    }

    pub fn write(&mut self, rows: Vec<Row>) -> Result<(), EncodeError> {
        for row in rows {
            debug_assert_eq!(row.len(), self.columns.len());
            for (values, cell) in self.columns.iter_mut().zip(row) {
                values.push(cell);
            }
            self.rows += 1;
            if self.rows == GROUP {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), EncodeError> {
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.columns {
            let column = group.next_column()?;
            values.write(column.expect("the schema has a column for each of ours"))?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    pub fn take(&mut self) -> Vec<u8> {
        let mut ready = self.sink.0.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut ready)
    }

    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        if self.rows > 0 {
            self.end_group()?;
        }
        self.writer.finish()?;
        Ok(self.take())
    }
}

impl Values {
    const fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Typed::Texts(Vec::new()),
            Kind::Integer | Kind::Time => Typed::Integers(Vec::new()),
            Kind::Flag => Typed::Flags(Vec::new()),
        };
        Self {
            present: Vec::new(),
            values,
        }
    }

    /// A cell of another kind than its column's is left empty: the tables of the datasets have none.
    fn push(&mut self, cell: Cell) {
        let present = match (&mut self.values, cell) {
            (Typed::Texts(texts), Cell::Text(text)) => {
                texts.push(ByteArray::from(text.into_owned().into_bytes()));
                1
            }
            (Typed::Integers(integers), Cell::Integer(integer)) => {
                integers.push(integer);
                1
            }
            (Typed::Integers(integers), Cell::Time(time)) => {
                integers.push(time.as_millisecond());
                1
            }
            (Typed::Flags(flags), Cell::Flag(flag)) => {
                flags.push(flag);
                1
            }
            _ => 0,
        };
        self.present.push(present);
    }

    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), EncodeError> {
        let levels = Some(self.present.as_slice());
        match &mut self.values {
            Typed::Texts(texts) => {
                let writer = column.typed::<ByteArrayType>();
                writer.write_batch(texts, levels, None)?;
                texts.clear();
            }
            Typed::Integers(integers) => {
                let writer = column.typed::<Int64Type>();
                writer.write_batch(integers, levels, None)?;
                integers.clear();
            }
            Typed::Flags(flags) => {
                let writer = column.typed::<BoolType>();
                writer.write_batch(flags, levels, None)?;
                flags.clear();
            }
        }
        column.close()?;
        self.present.clear();
        Ok(())
    }
}

fn schema(columns: &[Column]) -> Result<TypePtr, EncodeError> {
    let fields: Result<Vec<TypePtr>, EncodeError> = columns.iter().map(field).collect();
    let schema = Type::group_type_builder("export").with_fields(fields?);
    Ok(Arc::new(schema.build()?))
}

fn field(column: &Column) -> Result<TypePtr, EncodeError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Integer => (Physical::INT64, None),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Time => {
            let utc = true;
            let time = LogicalType::timestamp(utc, TimeUnit::MILLIS);
            (Physical::INT64, Some(time))
        }
    };
    let field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_converted_type(ConvertedType::NONE)
        .with_logical_type(logical);
    Ok(Arc::new(field.build()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };

    use super::*;

    const COLUMNS: &[Column] = &[
        Column {
            name: "to",
            kind: Kind::Text,
        },
        Column {
            name: "parts",
            kind: Kind::Integer,
        },
        Column {
            name: "read",
            kind: Kind::Flag,
        },
        Column {
            name: "at",
            kind: Kind::Time,
        },
    ];

    #[test]
    fn rows_of_many_groups_are_read_as_they_were_written() {
        let rows = GROUP + 10;
        let time: jiff::Timestamp = "2026-03-01T12:00:00.25Z".parse().unwrap();
        let row = |number: usize| -> Row {
            if number.is_multiple_of(3) {
                return vec![Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty];
            }
            vec![
                Cell::text(format!("+{number}")),
                Cell::count(number as u64),
                Cell::Flag(number.is_multiple_of(2)),
                Cell::Time(time),
            ]
        };
        let mut encoder = ParquetEncoder::new(COLUMNS).unwrap();
        let mut file = Vec::new();

        for first in (0..rows).step_by(1_000) {
            encoder
                .write((first..rows.min(first + 1_000)).map(row).collect())
                .unwrap();
            file.extend(encoder.take());
        }
        file.extend(encoder.finish().unwrap());

        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let read: Vec<_> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().into_columns())
            .collect();
        assert_eq!(read.len(), rows);
        for (number, columns) in read.iter().enumerate() {
            let found: Vec<_> = columns.iter().map(|(_, field)| field.clone()).collect();
            if number.is_multiple_of(3) {
                assert_eq!(found, vec![Field::Null; 4], "{number}");
            } else {
                let expected = [
                    Field::Str(format!("+{number}")),
                    Field::Long(i64::try_from(number).unwrap()),
                    Field::Bool(number.is_multiple_of(2)),
                    Field::TimestampMillis(time.as_millisecond()),
                ];
                assert_eq!(found, expected, "{number}");
            }
        }
    }
}
