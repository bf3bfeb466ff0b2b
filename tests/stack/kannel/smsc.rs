//! A carrier's message centre behind Kannel: it takes messages over SMPP 3.4, reports on them, and passes on what handsets write.
//! It keeps what it took, as text, so that what an account sent can be compared with what a handset would read.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use super::alphabet;

const SUBMIT: u32 = 0x04;
const DELIVER: u32 = 0x05;
const UNBIND: u32 = 0x06;
const BIND: u32 = 0x09;
const ENQUIRE_LINK: u32 = 0x15;
/// Of a command's number, in its answer.
const ANSWER: u32 = 0x8000_0000;
/// "Invalid Destination Address".
const BAD_NUMBER: u32 = 0x0b;
/// Bits of `esm_class`: a receipt, and a header before the text.
const RECEIPT: u8 = 0x04;
const HEADER: u8 = 0x40;
/// `data_coding` of UTF-16.
const UCS2: u8 = 8;

/// One part of a message.
#[derive(Debug, Clone)]
pub struct Part {
    from: String,
    to: String,
    coding: u8,
    header: Vec<u8>,
    octets: Vec<u8>,
    wants_receipt: bool,
}

/// What a handset would show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub from: String,
    pub text: String,
    pub parts: usize,
}

#[derive(Default)]
struct Journal {
    parts: Vec<Part>,
    link: Option<TcpStream>,
}

pub struct MessageCentre {
    pub port: u16,
    journal: Arc<Mutex<Journal>>,
}

impl MessageCentre {
    /// Ends with the test's process. `fate` says what becomes of a number: the words of a receipt, `REFUSED`, or nothing.
    pub fn start(fate: fn(&str) -> &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let journal = Arc::new(Mutex::new(Journal::default()));
        let shared = Arc::clone(&journal);
        thread::spawn(move || {
            for link in listener.incoming().flatten() {
                // A link that broke: Kannel comes again.
                if let Err(error) = serve(link, &shared, fate) {
                    eprintln!("the link to Kannel ended: {error}");
                }
            }
        });
        Self { port, journal }
    }

    /// What each number got, message by message.
    pub fn shown(&self) -> BTreeMap<String, Vec<Shown>> {
        let parts = lock(&self.journal).parts.clone();
        let mut messages: BTreeMap<(String, Vec<u8>), Vec<Part>> = BTreeMap::new();
        for (arrived, part) in parts.into_iter().enumerate() {
            // Parts of a message have the same reference; one without a header is a message by itself.
            let whole = match part.header.as_slice() {
                [] => arrived.to_be_bytes().to_vec(),
                header => header[..4].to_vec(),
            };
            let message = messages.entry((part.to.clone(), whole)).or_default();
            message.push(part);
        }
        let mut shown: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
        for ((to, _), mut parts) in messages {
            parts.sort_by_key(|part| part.header.last().copied());
            let octets: Vec<u8> = parts.iter().flat_map(|part| part.octets.clone()).collect();
            let text = match parts[0].coding {
                UCS2 => alphabet::utf16(&octets),
                _ => alphabet::gsm(&octets),
            };
            shown.entry(to).or_default().push(Shown {
                from: parts[0].from.clone(),
                text,
                parts: parts.len(),
            });
        }
        shown
    }

    /// A message from a handset to a number of ours.
    pub fn write(&self, from: &str, to: &str, text: &str) {
        let (coding, octets) = match alphabet::to_gsm(text) {
            Some(octets) => (0, octets),
            None => (UCS2, alphabet::to_utf16(text)),
        };
        let deliver = deliver(from, to, 0, coding, &octets);
        let journal = lock(&self.journal);
        let mut link = journal.link.as_ref().expect("Kannel is connected");
        let sequence = 0x7000_0000 + u32::try_from(octets.len()).expect("a short text");
        let sent = link.write_all(&frame(DELIVER, 0, sequence, &deliver));
        sent.expect("Kannel takes it");
    }
}

fn lock(journal: &Mutex<Journal>) -> std::sync::MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    mut link: TcpStream,
    journal: &Mutex<Journal>,
    fate: fn(&str) -> &'static str,
) -> io::Result<()> {
    lock(journal).link = Some(link.try_clone()?);
    let mut taken = 0;
    loop {
        let (command, sequence, body) = read(&mut link)?;
        let answer = |status, body: &[u8]| frame(command | ANSWER, status, sequence, body);
        match command {
            BIND => link.write_all(&answer(0, b"centre\0"))?,
            ENQUIRE_LINK => link.write_all(&answer(0, b""))?,
            UNBIND => return link.write_all(&answer(0, b"")),
            SUBMIT => {
                let part = part(&body);
                let fate = fate(&part.to);
                if fate == "REFUSED" {
                    link.write_all(&answer(BAD_NUMBER, b""))?;
                    continue;
                }
                taken += 1;
                let id = format!("centre-{taken}");
                link.write_all(&answer(0, format!("{id}\0").as_bytes()))?;
                if part.wants_receipt && !fate.is_empty() {
                    let receipt = receipt(&part, &id, fate);
                    link.write_all(&frame(DELIVER, 0, taken, &receipt))?;
                }
                lock(journal).parts.push(part);
            }
            // Answers to what we sent.
            _ => {}
        }
    }
}

fn read(link: &mut TcpStream) -> io::Result<(u32, u32, Vec<u8>)> {
    let mut head = [0; 16];
    link.read_exact(&mut head)?;
    let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let mut body = vec![0; word(0) as usize - head.len()];
    link.read_exact(&mut body)?;
    Ok((word(4), word(12), body))
}

fn frame(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("a short text");
    let words = [length, command, status, sequence].map(u32::to_be_bytes);
    [words.as_flattened(), body].concat()
}

/// The fields of `submit_sm`, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn octet(&mut self) -> u8 {
        self.octets(1)[0]
    }

    fn octets(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|octet| *octet == 0);
        let text = self.octets(end.expect("a zero ends a text"));
        self.octet();
        String::from_utf8(text).expect("ASCII")
    }
}

fn part(body: &[u8]) -> Part {
    let mut fields = Fields(body);
    fields.text();
    fields.octets(2);
    let from = fields.text();
    fields.octets(2);
    let to = fields.text();
    let class = fields.octet();
    fields.octets(2);
    fields.text();
    fields.text();
    let wants_receipt = fields.octet() & 1 == 1;
    fields.octet();
    let coding = fields.octet();
    fields.octet();
    let length = fields.octet();
    let mut octets = fields.octets(length.into());
    let header = match class & HEADER {
        0 => Vec::new(),
        _ => octets.drain(..=usize::from(octets[0])).skip(1).collect(),
    };
    Part {
        from,
        to,
        coding,
        header,
        octets,
        wants_receipt,
    }
}

fn receipt(part: &Part, id: &str, state: &str) -> Vec<u8> {
    let text = format!(
        "id:{id} sub:001 dlvrd:001 submit date:2611281200 done date:2611281201 stat:{state} err:000 text:"
    );
    deliver(&part.to, &part.from, RECEIPT, 0, text.as_bytes())
}

fn deliver(from: &str, to: &str, class: u8, coding: u8, octets: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, 1];
    body.extend_from_slice(from.as_bytes());
    // A short code's number is of no international kind.
    body.extend_from_slice(&[0, 0, 1]);
    body.extend_from_slice(to.as_bytes());
    let length = u8::try_from(octets.len()).expect("a short text");
    body.extend_from_slice(&[0, class, 0, 0, 0, 0, 0, 0, coding, 0, length]);
    body.extend_from_slice(octets);
    body
}
