//! From words to tests. Every refusal points at the word that it is about.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    AttributeTest, Comparison, Field, Filter, FilterError, Moment, Test, TextTest,
    lexer::{Located, Token, tokens},
};
use crate::{id::ListId, phone::Country, zones::Zone};

/// Bytes: all segments of an account are one read.
pub const MAX_LENGTH: usize = 4_096;
const MAX_TESTS: usize = 200;
const MAX_DEPTH: usize = 32;
const FIELDS: &str = "`country`, `language`, `time_zone`, `tag`, `list`, `number`, `created`, `changed` or `attributes.…`";

#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub filter: Filter,
    /// Every list that it names, with the column: whether there is such a list is not known here.
    pub lists: Vec<(ListId, usize)>,
}

/// A value as it stands there; what it means depends on the field.
#[derive(Debug, Clone)]
enum Literal {
    Text(String),
    Number(f64),
    Flag(bool),
    Time(Moment),
}

#[derive(Debug, Clone)]
struct Placed {
    literal: Literal,
    column: usize,
}

/// How a field is compared.
enum Operation {
    Comparison(Comparison),
    In,
    Contains,
    StartsWith,
    EndsWith,
    IsSet,
}

struct Parser {
    tokens: Vec<Located>,
    at: usize,
    depth: usize,
    tests: usize,
    lists: Vec<(ListId, usize)>,
}

pub fn parse(text: &str) -> Result<Parsed, FilterError> {
    if text.len() > MAX_LENGTH {
        let message = format!(
            "a filter has at most {MAX_LENGTH} bytes; shorten it, or mark contacts with a tag"
        );
        return Err(FilterError::new(1 + fitting(text), message));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        tests: 0,
        lists: Vec::new(),
    };
    let filter = parser.any()?;
    match parser.peek() {
        Token::End => Ok(Parsed {
            filter,
            lists: parser.lists,
        }),
        _ => Err(parser.refuse("expected `and`, `or` or the end")),
    }
}

/// Characters of a text that is too long, as far as it isn't.
fn fitting(text: &str) -> usize {
    text.char_indices()
        .take_while(|(at, _)| *at < MAX_LENGTH)
        .count()
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn column(&self) -> usize {
        self.tokens[self.at].column
    }

    fn next(&mut self) -> Located {
        let found = self.tokens[self.at].clone();
        // The end stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        found
    }

    fn refuse(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.column(), message)
    }

    /// Goes on if the next word is this one, in upper or lower case.
    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word));
        if is_it {
            self.next();
        }
        is_it
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        if is_it {
            self.next();
        }
        is_it
    }

    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut filters = vec![self.all()?];
        while self.takes_word("or") {
            filters.push(self.all()?);
        }
        Ok(one_or(filters, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut filters = vec![self.single()?];
        while self.takes_word("and") {
            filters.push(self.single()?);
        }
        Ok(one_or(filters, Filter::All))
    }

    fn single(&mut self) -> Result<Filter, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} levels; say it in fewer");
            return Err(self.refuse(message));
        }
        let filter = if self.takes_word("not") {
            Filter::Not(Box::new(self.single()?))
        } else if self.takes_symbol("(") {
            let filter = self.any()?;
            self.close()?;
            filter
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn close(&mut self) -> Result<(), FilterError> {
        if self.takes_symbol(")") {
            return Ok(());
        }
        Err(self.refuse("expected `)`, or `and` or `or` before more"))
    }

    fn test(&mut self) -> Result<Filter, FilterError> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            let message = format!(
                "more than {MAX_TESTS} comparisons; use `in (…)`, or mark contacts with a tag"
            );
            return Err(self.refuse(message));
        }
        let field = self.field()?;
        let column = self.column();
        let (operation, is_negated) = self.operation(&field)?;
        let test = match operation {
            Operation::IsSet => Test::IsSet(field),
            Operation::In => {
                let values = self.values()?;
                self.one_of(field, &values)?
            }
            Operation::Comparison(comparison) => {
                let value = self.value()?;
                self.compared(field, comparison, value, column)?
            }
            Operation::Contains => textual(field, self.text()?, TextTest::Contains, column)?,
            Operation::StartsWith => textual(field, self.text()?, TextTest::StartsWith, column)?,
            Operation::EndsWith => textual(field, self.text()?, TextTest::EndsWith, column)?,
        };
        let test = Filter::Test(test);
        Ok(if is_negated {
            Filter::Not(Box::new(test))
        } else {
            test
        })
    }

    fn field(&mut self) -> Result<Field, FilterError> {
        let expected = || format!("expected a field: {FIELDS}");
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.refuse(expected()));
        };
        if let Some(name) = word.strip_prefix("attributes.") {
            let name = name.parse();
            let name = name.map_err(|error: crate::contact::InvalidAttributeName| {
                self.refuse(error.to_string())
            })?;
            self.next();
            return Ok(Field::Attribute(name));
        }
        let field = match word.to_ascii_lowercase().as_str() {
            "number" => Field::Number,
            "country" => Field::Country,
            "language" => Field::Language,
            "time_zone" => Field::TimeZone,
            "tag" => Field::Tag,
            "list" => Field::List,
            "created" => Field::Created,
            "changed" => Field::Changed,
            _ => {
                let message = format!(
                    "there is no field `{word}`: {}; what you noted of contacts is `attributes.{word}`",
                    expected()
                );
                return Err(self.refuse(message));
            }
        };
        self.next();
        Ok(field)
    }

    /// What is done with the field, and whether the opposite is meant.
    fn operation(&mut self, field: &Field) -> Result<(Operation, bool), FilterError> {
        use Comparison as C;
        let comparisons = [
            ("!=", C::Is, true),
            ("=", C::Is, false),
            ("<=", C::AtMost, false),
            ("<", C::Less, false),
            (">=", C::AtLeast, false),
            (">", C::More, false),
        ];
        for (symbol, comparison, is_negated) in comparisons {
            if self.takes_symbol(symbol) {
                return Ok((Operation::Comparison(comparison), is_negated));
            }
        }
        if self.takes_word("is") {
            let is_negated = self.takes_word("not");
            if self.takes_word("set") {
                return Ok((Operation::IsSet, is_negated));
            }
            return Err(self.refuse("expected `set` or `not set`"));
        }
        let is_negated = self.takes_word("not");
        let words = [
            ("in", Operation::In),
            ("contains", Operation::Contains),
            ("starts_with", Operation::StartsWith),
            ("ends_with", Operation::EndsWith),
        ];
        for (word, operation) in words {
            if self.takes_word(word) {
                return Ok((operation, is_negated));
            }
        }
        let examples = match field {
            Field::Created | Field::Changed => "`<`, `<=`, `>`, `>=` or `=`",
            Field::Number | Field::Attribute(_) => {
                "`=`, `!=`, `<`, `>`, `in (…)`, `contains`, `starts_with`, `ends_with` or `is set`"
            }
            _ => "`=`, `!=`, `in (…)` or `is set`",
        };
        Err(self.refuse(format!("expected a comparison: {examples}")))
    }

    fn values(&mut self) -> Result<Vec<Placed>, FilterError> {
        if !self.takes_symbol("(") {
            return Err(self.refuse("expected `(`, then values, as in `in (\"GB\", \"IE\")`"));
        }
        let mut values = vec![self.value()?];
        while self.takes_symbol(",") {
            values.push(self.value()?);
        }
        if self.takes_symbol(")") {
            return Ok(values);
        }
        Err(self.refuse("expected `,` or `)`"))
    }

    fn text(&mut self) -> Result<String, FilterError> {
        let Placed { literal, column } = self.value()?;
        match literal {
            Literal::Text(text) => Ok(text.to_lowercase()),
            _ => Err(FilterError::new(column, "expected a text in quotes")),
        }
    }

    fn value(&mut self) -> Result<Placed, FilterError> {
        let column = self.column();
        let is_negative = self.takes_symbol("-");
        let Located { token, column: at } = self.next();
        let expected = "expected a value: a text in quotes, a number, `true`, `false`, a date as 2026-01-31, `today` or `now`";
        let refused = || FilterError::new(at, expected);
        let literal = match token {
            Token::Digits(digits) if is_negative => {
                Literal::Number(-number(&digits).ok_or_else(refused)?)
            }
            _ if is_negative => return Err(refused()),
            Token::Text(text) => Literal::Text(text),
            Token::Digits(digits) => read_digits(&digits).ok_or_else(refused)?,
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" => Literal::Flag(true),
                "false" => Literal::Flag(false),
                "today" => Literal::Time(Moment::Today(self.before()?)),
                "now" => Literal::Time(Moment::Now(self.before()?)),
                _ => {
                    let message =
                        format!("`{word}` is no value; a text stands in quotes: `\"{word}\"`");
                    return Err(FilterError::new(at, message));
                }
            },
            Token::Symbol(_) | Token::End => return Err(refused()),
        };
        Ok(Placed { literal, column })
    }

    /// What stands behind `today` and `now`: `- 30 days`.
    fn before(&mut self) -> Result<SignedDuration, FilterError> {
        let sign = if self.takes_symbol("-") {
            1
        } else if self.takes_symbol("+") {
            -1
        } else {
            return Ok(SignedDuration::ZERO);
        };
        let amount = match self.peek() {
            Token::Digits(digits) => digits
                .parse::<i64>()
                .ok()
                .filter(|amount| *amount <= 36_500),
            _ => None,
        };
        let amount = amount.ok_or_else(|| {
            self.refuse("expected a whole number up to 36500, as in `now - 30 days`")
        })?;
        self.next();
        let hours = if self.takes_word("hours") || self.takes_word("hour") {
            1
        } else if self.takes_word("days") || self.takes_word("day") {
            24
        } else if self.takes_word("weeks") || self.takes_word("week") {
            7 * 24
        } else {
            return Err(self.refuse("expected `hours`, `days` or `weeks`"));
        };
        Ok(SignedDuration::from_hours(sign * amount * hours))
    }

    fn one_of(&mut self, field: Field, values: &[Placed]) -> Result<Test, FilterError> {
        let texts = |values: &[Placed], what: &str| -> Result<Vec<(String, usize)>, FilterError> {
            let text = |Placed { literal, column }: &Placed| match literal {
                Literal::Text(text) => Ok((text.clone(), *column)),
                _ => Err(FilterError::new(
                    *column,
                    format!("expected {what} in quotes"),
                )),
            };
            values.iter().map(text).collect()
        };
        Ok(match field {
            Field::Country => Test::Country(each(texts(values, "a country")?, Country::parse)?),
            Field::Language => Test::Language(each(texts(values, "a language")?, str::parse)?),
            Field::TimeZone => Test::TimeZone(each(texts(values, "a time zone")?, Zone::parse)?),
            Field::Tag => Test::Tag(each(texts(values, "a tag")?, str::parse)?),
            Field::List => {
                let texts = texts(values, "the id of a list")?;
                let columns: Vec<usize> = texts.iter().map(|(_, column)| *column).collect();
                let lists: Vec<ListId> = each(texts, |text| {
                    let words = "a list is named by its id, as `lst_…`; `GET /v1/lists` has them";
                    text.parse().map_err(|_| words)
                })?;
                self.lists.extend(lists.iter().copied().zip(columns));
                Test::List(lists)
            }
            Field::Number => Test::Number(TextTest::Is(lower(texts(values, "a number")?))),
            Field::Created | Field::Changed => {
                let column = values.first().map_or(1, |value| value.column);
                return Err(FilterError::new(
                    column,
                    "a time is compared with one value: `=`, `<`, `<=`, `>` or `>=`",
                ));
            }
            Field::Attribute(name) => Test::Attribute(name, attribute_in(values)?),
        })
    }

    fn compared(
        &mut self,
        field: Field,
        comparison: Comparison,
        value: Placed,
        operator: usize,
    ) -> Result<Test, FilterError> {
        let Placed { literal, column } = value.clone();
        match field {
            Field::Created | Field::Changed => {
                let Literal::Time(moment) = literal else {
                    return Err(FilterError::new(
                        column,
                        "expected a time: a date as 2026-01-31, `today`, or `now - 30 days`",
                    ));
                };
                Ok(match field {
                    Field::Created => Test::Created(comparison, moment),
                    _ => Test::Changed(comparison, moment),
                })
            }
            Field::Attribute(name) => match literal {
                Literal::Number(number) => Ok(Test::Attribute(
                    name,
                    AttributeTest::Number(comparison, number),
                )),
                Literal::Time(moment) => Ok(Test::Attribute(
                    name,
                    AttributeTest::Time(comparison, moment),
                )),
                _ if comparison == Comparison::Is => self.one_of(Field::Attribute(name), &[value]),
                _ => Err(FilterError::new(
                    operator,
                    "only numbers and times have an order; texts are compared with `=`, `!=`, `in`, `contains`, `starts_with` and `ends_with`",
                )),
            },
            field if comparison == Comparison::Is => self.one_of(field, &[value]),
            _ => Err(FilterError::new(
                operator,
                "this field has no order; compare it with `=`, `!=`, `in` or `not in`",
            )),
        }
    }
}

fn one_or(mut filters: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.len() {
        1 => filters.remove(0),
        _ => several(filters),
    }
}

fn each<T, E: std::fmt::Display>(
    texts: Vec<(String, usize)>,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, FilterError> {
    let read = |(text, column): (String, usize)| {
        read(&text).map_err(|error| FilterError::new(column, error.to_string()))
    };
    texts.into_iter().map(read).collect()
}

fn lower(texts: Vec<(String, usize)>) -> Vec<String> {
    texts
        .into_iter()
        .map(|(text, _)| text.to_lowercase())
        .collect()
}

/// All values of one type.
fn attribute_in(values: &[Placed]) -> Result<AttributeTest, FilterError> {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for Placed { literal, column } in values {
        match literal {
            Literal::Text(text) => texts.push(text.to_lowercase()),
            Literal::Number(number) => numbers.push(*number),
            Literal::Flag(flag) if values.len() == 1 => return Ok(AttributeTest::Flag(*flag)),
            Literal::Flag(_) | Literal::Time(_) => {
                return Err(FilterError::new(
                    *column,
                    "expected texts or numbers; compare this one with `=`",
                ));
            }
        }
        if !texts.is_empty() && !numbers.is_empty() {
            return Err(FilterError::new(
                *column,
                "texts and numbers stand in one list; an attribute is one or the other",
            ));
        }
    }
    Ok(if numbers.is_empty() {
        AttributeTest::Text(TextTest::Is(texts))
    } else {
        AttributeTest::Numbers(numbers)
    })
}

fn textual(
    field: Field,
    value: String,
    test: fn(String) -> TextTest,
    operator: usize,
) -> Result<Test, FilterError> {
    match field {
        Field::Number => Ok(Test::Number(test(value))),
        Field::Attribute(name) => Ok(Test::Attribute(name, AttributeTest::Text(test(value)))),
        _ => Err(FilterError::new(
            operator,
            "only `number` and attributes are looked into; compare this field with `=`, `!=` or `in`",
        )),
    }
}

fn number(digits: &str) -> Option<f64> {
    digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

fn read_digits(digits: &str) -> Option<Literal> {
    if let Some(number) = number(digits) {
        return Some(Literal::Number(number));
    }
    if let Ok(at) = digits.parse::<Timestamp>() {
        return Some(Literal::Time(Moment::Instant(at)));
    }
    let day = digits.parse::<Date>().ok().filter(|_| digits.len() == 10);
    day.map(|day| Literal::Time(Moment::Day(day)))
}
