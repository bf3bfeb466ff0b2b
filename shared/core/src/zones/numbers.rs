//! From a number to its zones: the longest prefix that `data/number-zones.txt` has, all of the country's zones where it has none.
//! That file is made by `data/generate.py`, which says from what.

use std::sync::LazyLock;

use super::Zone;
use crate::phone::{Country, Phone};

const DATA: &str = include_str!("../../data/number-zones.txt");
/// What stands for the country's zones.
const COUNTRY: &str = "*";

/// Where a number of a country may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zones {
    /// Anywhere in it.
    OfCountry,
    One(Zone),
    /// In one of several: the number of a list in the table.
    Several(u16),
}

/// Read at first use, which takes a millisecond.
static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(DATA));

struct Table {
    countries: Vec<Vec<Zone>>,
    /// Digit by digit: where to go on, 0 for nowhere.
    nodes: Vec<[u16; 10]>,
    /// What the digits so far say.
    found: Vec<Option<Zones>>,
    lists: Vec<Vec<Zone>>,
}

/// The zones of a country; none for a country without numbers.
pub fn of_country(country: Country) -> &'static [Zone] {
    &TABLE.countries[place(country)]
}

/// The zones that a number of this country may be in.
pub fn of_number(number: Phone, country: Country) -> Zones {
    if of_country(country).len() == 1 {
        return Zones::OfCountry;
    }
    TABLE.longest(number)
}

impl Zones {
    /// Which they are.
    pub fn list(self, country: Option<Country>) -> Vec<Zone> {
        match self {
            Zones::OfCountry => country.map_or(Vec::new(), |country| of_country(country).to_vec()),
            Zones::One(zone) => vec![zone],
            Zones::Several(list) => TABLE.lists[usize::from(list)].clone(),
        }
    }
}

fn place(country: Country) -> usize {
    let [first, second] = country.letters().map(|letter| usize::from(letter - b'A'));
    first * 26 + second
}

impl Table {
    /// A line is a country and its zones, or zones joined by `|` and the prefixes that have them.
    fn read(data: &str) -> Table {
        let mut table = Table {
            countries: vec![Vec::new(); 26 * 26],
            nodes: vec![[0; 10]],
            found: vec![Some(Zones::OfCountry)],
            lists: Vec::new(),
        };
        for line in data.lines().filter(|line| !line.starts_with('#')) {
            let (head, rest) = line.split_once(' ').expect("a line has two words");
            match Country::parse(head) {
                Ok(country) => {
                    table.countries[place(country)] = rest.split(' ').map(zone).collect();
                }
                Err(_) => table.add(head, rest),
            }
        }
        table
    }

    fn add(&mut self, zones: &str, prefixes: &str) {
        let zones = match zones.split('|').collect::<Vec<_>>().as_slice() {
            [COUNTRY] => Zones::OfCountry,
            [one] => Zones::One(zone(one)),
            several => {
                self.lists
                    .push(several.iter().map(|name| zone(name)).collect());
                Zones::Several(index(self.lists.len() - 1))
            }
        };
        for prefix in prefixes.split(' ') {
            let node = prefix.bytes().fold(0, |node, digit| self.step(node, digit));
            self.found[node] = Some(zones);
        }
    }

    fn step(&mut self, node: usize, digit: u8) -> usize {
        let digit = usize::from(digit - b'0');
        if self.nodes[node][digit] == 0 {
            self.nodes[node][digit] = index(self.nodes.len());
            self.nodes.push([0; 10]);
            self.found.push(None);
        }
        usize::from(self.nodes[node][digit])
    }

    fn longest(&self, number: Phone) -> Zones {
        let digits = number.digits();
        let mut power = 10_u64.pow(digits.ilog10());
        let (mut node, mut longest) = (0, Zones::OfCountry);
        while power > 0 {
            let digit = usize::try_from(digits / power % 10).expect("it is a digit");
            node = usize::from(self.nodes[node][digit]);
            if node == 0 {
                break;
            }
            longest = self.found[node].unwrap_or(longest);
            power /= 10;
        }
        longest
    }
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).expect("a test looks at every name of the table")
}

fn index(value: usize) -> u16 {
    u16::try_from(value).expect("the table has some 3,000 nodes")
}
