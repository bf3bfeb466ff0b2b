//! A Parquet file as exports write it, without some rows: a row group at a time, column by column.

use std::{fs::File, io::Write, sync::Arc};

use carillon_core::recipients::erase::Finder;
use parquet::{
    basic::{Compression, ZstdLevel},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type},
    errors::{ParquetError, Result},
    file::{
        properties::WriterProperties,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
};

/// As exports are compressed.
const LEVEL: i32 = 3;
/// The level of a value that is there, in a column that may be empty.
const THERE: i16 = 1;

/// How many rows have the number in a cell.
pub fn without(input: File, output: impl Write + Send, finder: &Finder) -> Result<u64> {
    let reader = SerializedFileReader::new(input)?;
    let metadata = reader.metadata().file_metadata();
    let schema = metadata.schema_descr().root_schema_ptr();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_created_by("carillon".to_owned());
    let mut writer = SerializedFileWriter::new(output, schema, Arc::new(properties.build()))?;
    let mut removed = 0;
    for group in 0..reader.num_row_groups() {
        let columns = columns(reader.get_row_group(group)?.as_ref())?;
        let rows = columns.first().map_or(0, |column| column.levels.len());
        let mut theirs = vec![false; rows];
        for column in &columns {
            column.look_for(finder, &mut theirs);
        }
        let count = theirs.iter().filter(|theirs| **theirs).count();
        removed += count as u64;
        if count == rows {
            continue;
        }
        let mut group = writer.next_row_group()?;
        for column in columns {
            let place = group.next_column()?;
            let place = place.ok_or_else(|| strange("a column too many"))?;
            column.without(&theirs).write(place)?;
        }
        group.close()?;
    }
    writer.finish()?;
    Ok(removed)
}

/// A column of a row group: a level for each row, a value for each that is there.
struct Column {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Texts(Vec<ByteArray>),
    Integers(Vec<i64>),
    Flags(Vec<bool>),
}

fn columns(group: &dyn RowGroupReader) -> Result<Vec<Column>> {
    let rows = usize::try_from(group.metadata().num_rows());
    let rows = rows.map_err(|_| strange("a row group of less than no rows"))?;
    let column = |place| {
        let (levels, values) = match group.get_column_reader(place)? {
            ColumnReader::ByteArrayColumnReader(column) => {
                let (levels, values) = read::<ByteArrayType>(column, rows)?;
                (levels, Values::Texts(values))
            }
            ColumnReader::Int64ColumnReader(column) => {
                let (levels, values) = read::<Int64Type>(column, rows)?;
                (levels, Values::Integers(values))
            }
            ColumnReader::BoolColumnReader(column) => {
                let (levels, values) = read::<BoolType>(column, rows)?;
                (levels, Values::Flags(values))
            }
            _ => return Err(strange("a column of a kind that exports don't have")),
        };
        Ok(Column { levels, values })
    };
    (0..group.num_columns()).map(column).collect()
}

fn read<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    rows: usize,
) -> Result<(Vec<i16>, Vec<T::T>)> {
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::new());
    while levels.len() < rows {
        let wanted = rows - levels.len();
        let (read, ..) = column.read_records(wanted, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            return Err(strange("a column with fewer rows than others"));
        }
    }
    Ok((levels, values))
}

impl Column {
    /// Marks the rows in which this column has the number.
    fn look_for(&self, finder: &Finder, theirs: &mut [bool]) {
        let Values::Texts(texts) = &self.values else {
            return;
        };
        let levels = self.levels.iter().zip(theirs);
        let there = levels.filter(|(level, _)| **level == THERE);
        for ((_, theirs), text) in there.zip(texts) {
            *theirs |= str::from_utf8(text.data()).is_ok_and(|text| finder.is(text));
        }
    }

    fn without(self, theirs: &[bool]) -> Self {
        let Self { levels, values } = self;
        let values = match values {
            Values::Texts(texts) => Values::Texts(left(texts, &levels, theirs)),
            Values::Integers(integers) => Values::Integers(left(integers, &levels, theirs)),
            Values::Flags(flags) => Values::Flags(left(flags, &levels, theirs)),
        };
        let rows = levels.into_iter().zip(theirs);
        let levels = rows.filter(|(_, theirs)| !**theirs);
        Self {
            levels: levels.map(|(level, _)| level).collect(),
            values,
        }
    }

    fn write(self, mut column: SerializedColumnWriter<'_>) -> Result<()> {
        let levels = Some(self.levels.as_slice());
        match self.values {
            Values::Texts(texts) => {
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&texts, levels, None)?;
            }
            Values::Integers(integers) => {
                let column = column.typed::<Int64Type>();
                column.write_batch(&integers, levels, None)?;
            }
            Values::Flags(flags) => {
                let column = column.typed::<BoolType>();
                column.write_batch(&flags, levels, None)?;
            }
        }
        column.close()
    }
}

fn left<T>(values: Vec<T>, levels: &[i16], theirs: &[bool]) -> Vec<T> {
    let there = levels
        .iter()
        .zip(theirs)
        .filter(|(level, _)| **level == THERE);
    let values = values.into_iter().zip(there);
    let left = values.filter(|(_, (_, theirs))| !**theirs);
    left.map(|(value, _)| value).collect()
}

fn strange(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        fmt::Write as _,
        io::{Read, Seek},
    };

    use bytes::Bytes;
    use carillon_core::phone::Phone;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    const SCHEMA: &str = "message export {
        optional binary to (UTF8); optional binary name (UTF8); optional int64 parts; optional boolean test;
    }";

    pub type Row = (Option<&'static str>, Option<&'static str>, i64);

    /// A file of row groups, as exports write them.
    pub fn file(groups: &[&[Row]]) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut file = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::default()).unwrap();
        for rows in groups {
            let texts = |cell: fn(&Row) -> Option<&'static str>| {
                let cells: Vec<_> = rows.iter().map(cell).collect();
                Column {
                    levels: cells.iter().map(|cell| i16::from(cell.is_some())).collect(),
                    values: Values::Texts(
                        cells.into_iter().flatten().map(ByteArray::from).collect(),
                    ),
                }
            };
            let there = vec![THERE; rows.len()];
            let parts = Column {
                levels: there.clone(),
                values: Values::Integers(rows.iter().map(|row| row.2).collect()),
            };
            let test = Column {
                levels: there,
                values: Values::Flags(vec![false; rows.len()]),
            };
            let mut group = writer.next_row_group().unwrap();
            for column in [texts(|row| row.0), texts(|row| row.1), parts, test] {
                column.write(group.next_column().unwrap().unwrap()).unwrap();
            }
            group.close().unwrap();
        }
        writer.close().unwrap();
        file
    }

    /// A line for each row.
    pub fn text(file: &[u8]) -> String {
        let reader = SerializedFileReader::new(Bytes::copy_from_slice(file)).unwrap();
        let mut text = String::new();
        for row in reader.get_row_iter(None).unwrap() {
            writeln!(text, "{}", row.unwrap()).unwrap();
        }
        text
    }

    fn without(groups: &[&[Row]]) -> (u64, Vec<u8>) {
        let finder = Finder::new(Phone::from_digits(447_700_900_123).unwrap());
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(&file(groups)).unwrap();
        let mut output = tempfile::tempfile().unwrap();

        let removed = super::without(input, &mut output, &finder).unwrap();

        let mut left = Vec::new();
        output.rewind().unwrap();
        output.read_to_end(&mut left).unwrap();
        (removed, left)
    }

    #[test]
    fn rows_of_the_number_go_and_every_column_keeps_its_places() {
        const ERASED: &str = "+447700900123";
        let first: &[Row] = &[
            (None, Some("Nobody"), 1),
            (Some(ERASED), None, 2),
            (Some("+447700900124"), Some("Rosalind"), 3),
            (Some(ERASED), Some("Zebulon"), 4),
        ];
        let only_theirs: &[Row] = &[(Some(ERASED), Some("Zebulon"), 5)];
        let last: &[Row] = &[(Some("+447700900125"), None, 6)];

        let (removed, left) = without(&[first, only_theirs, last]);

        assert_eq!(removed, 3);
        assert_eq!(text(&left), text(&file(&[&[first[0], first[2]], last])));
    }

    #[test]
    fn a_file_of_nobody_else_is_an_empty_one() {
        let (removed, left) = without(&[&[(Some("+447700900123"), None, 1)]]);

        assert_eq!((removed, text(&left)), (1, String::new()));
    }
}
