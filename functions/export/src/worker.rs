//! One export: leased, gone on with where the last worker ended, and written part by part until it or the time is over. What is left
//! then, the dispatcher asks for again: a function that sends itself messages is stopped after sixteen.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use carillon_core::{
    chunk::window::Token,
    dead_letter::Why,
    event::Event,
    export::{Export, Progress, Purpose, Stage},
};
use carillon_runtime::{
    logs::chain,
    random,
    sqs::{self, Fails, UnreadableRecord},
};
use carillon_store::{
    StoreError,
    export_files::ExportFiles,
    exports::{Leased, Lost},
    lake_days::Turn,
    queues::{ExportRequest, ExportTask},
};
use jiff::{Timestamp, civil::Date};
use tokio::time::Instant;

use crate::{
    State, digest,
    encode::EncodeError,
    file::{FileError, PartFile},
    manifest::manifest,
    source::Source,
};

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Unreadable(#[from] UnreadableRecord),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<FileError> for ExportError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Store(error) => Self::Store(error),
            FileError::Encode(error) => Self::Encode(error),
        }
    }
}

impl Fails for ExportError {
    fn why(&self) -> Why {
        match self {
            Self::Unreadable(error) => error.why(),
            Self::Store(_) => Why::Store,
            Self::Encode(_) => Why::Failed,
        }
    }
}

/// How a worker's time with an export ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Finished,
    /// The next worker goes on.
    OutOfTime,
    /// For good, after many tries.
    Failed,
    /// It is another worker's, or over.
    Lost,
}

pub async fn handle(state: &State, event: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
    sqs::each(
        &state.dead,
        event,
        async |record: SqsMessage| match sqs::body(&record)? {
            ExportTask::Export(request) => work(state, request, deadline).await.map(drop),
            ExportTask::Digest(request) => {
                let now = Timestamp::now();
                let worked = digest::work(state, request, now, deadline).await;
                worked.map(drop).map_err(ExportError::Store)
            }
        },
    )
    .await
}

/// Writes as much of an export as the time allows. May be called again, and at the same time.
pub async fn work(
    state: &State,
    request: ExportRequest,
    deadline: Timestamp,
) -> Result<Ended, ExportError> {
    let (token, now) = (random::bytes(), Timestamp::now());
    let until = now + state.limits.lease;
    let leased = state.exports.lease(request, token, now, until).await?;
    let Ok(Leased {
        export,
        mut progress,
        orphaned,
    }) = leased
    else {
        return Ok(Ended::Lost);
    };
    // Of a worker that died over a part, what it had counted.
    progress.settle();
    let mut writer = Writer {
        state,
        request,
        export: &export,
        token,
        progress,
        noted: Instant::now(),
        stops: deadline - state.limits.reserve,
    };
    if orphaned && let Some(ended) = writer.broke_off().await? {
        return Ok(ended);
    }
    let ended = writer.write().await;
    match &ended {
        Ok(ended) => {
            let Progress { rows, bytes, .. } = writer.progress;
            tracing::info!(export = %export.id, ?ended, rows, bytes, "an export was worked on");
        }
        Err(error) => {
            tracing::warn!(export = %export.id, error = chain(error), "an export was broken off");
            if let Some(ended) = writer.broke_off().await? {
                return Ok(ended);
            }
        }
    }
    if !matches!(ended, Ok(Ended::Finished | Ended::Lost)) {
        state.exports.release(request, token).await?;
    }
    ended
}

struct Writer<'a> {
    state: &'a State,
    request: ExportRequest,
    export: &'a Export,
    token: Token,
    progress: Progress,
    noted: Instant,
    stops: Timestamp,
}

impl Writer<'_> {
    async fn write(&mut self) -> Result<Ended, ExportError> {
        let next = self.progress.next.clone();
        let begun = !self.progress.parts.is_empty();
        if begun && next.is_none() {
            return self.conclude().await;
        }
        let mut source = Source::open(self.state, self.export, next.as_deref()).await?;
        self.progress.of = source.steps();
        loop {
            if Timestamp::now() >= self.stops {
                return Ok(Ended::OutOfTime);
            }
            match self.part(&mut source).await? {
                Err(Lost) => return Ok(Ended::Lost),
                Ok(()) if self.progress.next.is_none() => return self.conclude().await,
                Ok(()) => {}
            }
        }
    }

    /// One part, noted when it is there.
    async fn part(&mut self, source: &mut Source<'_>) -> Result<Result<(), Lost>, ExportError> {
        let number = self.progress.parts.len();
        let worker: String = self.token[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let key = ExportFiles::part_key(self.export, number, &worker);
        let (files, format) = (&self.state.export_files, self.export.format);
        let mut file =
            PartFile::begin(files, key, format, Source::columns(self.export.dataset)).await?;
        let filled = self.fill(&mut file, source).await;
        if !matches!(filled, Ok(Ok(()))) {
            file.abandon().await?;
            return filled;
        }
        self.progress.completed(file.finish().await?);
        self.note().await
    }

    async fn fill(
        &mut self,
        file: &mut PartFile<'_>,
        source: &mut Source<'_>,
    ) -> Result<Result<(), Lost>, ExportError> {
        let limits = &self.state.limits;
        let (rows, bytes) = (self.progress.settled_rows(), self.progress.settled_bytes());
        loop {
            let block = source.next().await?;
            file.write(block.rows).await?;
            self.progress.done += block.steps;
            self.progress.rows = rows + file.rows();
            self.progress.bytes = bytes + file.bytes();
            let full = file.rows() >= limits.part_rows || file.bytes() >= limits.part_bytes;
            if block.next.is_none() || full || Timestamp::now() >= self.stops {
                self.progress.next = block.next;
                return Ok(Ok(()));
            }
            if self.noted.elapsed() >= limits.note_every
                && let Err(Lost) = self.note().await?
            {
                return Ok(Err(Lost));
            }
        }
    }

    /// Notes that a worker did, this one or one that died; how it ended, where it did so by that.
    async fn broke_off(&mut self) -> Result<Option<Ended>, ExportError> {
        self.progress.broken_off(Timestamp::now());
        // Whoever else has it by now, or ended it, knows better.
        if let Err(Lost) = self.note().await? {
            return Ok(Some(Ended::Lost));
        }
        if !self.progress.stage.is_over() {
            return Ok(None);
        }
        self.tell().await?;
        Ok(Some(Ended::Failed))
    }

    async fn note(&mut self) -> Result<Result<(), Lost>, ExportError> {
        self.noted = Instant::now();
        let until = Timestamp::now() + self.state.limits.lease;
        let noted = self
            .state
            .exports
            .note(self.request, self.token, &self.progress, until);
        Ok(noted.await?)
    }

    /// The lake where it is one's, the manifest, and the end.
    async fn conclude(&mut self) -> Result<Ended, ExportError> {
        if let Purpose::Lake { day } = self.export.purpose {
            match self.fill_day(day).await? {
                Err(Lost) => return Ok(Ended::Lost),
                Ok(Turn::Another) => return Ok(Ended::OutOfTime),
                Ok(Turn::Mine | Turn::Over) => {}
            }
        }
        let now = Timestamp::now();
        let columns = Source::columns(self.export.dataset);
        let body = manifest(self.export, &self.progress, columns, now);
        let key = self
            .state
            .export_files
            .put_manifest(self.export, body)
            .await?;
        self.progress.manifest = Some(key);
        self.progress.stage = Stage::Finished;
        self.progress.finished = Some(now);
        if let Err(Lost) = self.note().await? {
            return Ok(Ended::Lost);
        }
        self.tell().await?;
        Ok(Ended::Finished)
    }

    /// Puts its parts in place of what a day of the lake had. All of them are written by then, so that a day of one part, which is a million
    /// messages, is replaced at once, and a larger one in seconds.
    async fn fill_day(&mut self, day: Date) -> Result<Result<Turn, Lost>, ExportError> {
        let (export, files, days) = (self.export, &self.state.export_files, &self.state.lake_days);
        let parts = self.progress.parts.len();
        for number in 0..parts {
            let now = Timestamp::now();
            let until = now + self.state.limits.lease;
            let turn = days.take(export, day, now, until).await?;
            if turn != Turn::Mine {
                return Ok(Ok(turn));
            }
            let part = &self.progress.parts[number];
            files.put_in_lake(export, day, number, part).await?;
            if let Err(Lost) = self.note().await? {
                return Ok(Err(Lost));
            }
        }
        files.clear_lake(export, day, parts).await?;
        days.release(export, day, Timestamp::now()).await?;
        Ok(Ok(Turn::Mine))
    }

    /// Tells its account that it is over. Who dies before it is retired leaves that to the dispatcher.
    async fn tell(&self) -> Result<(), StoreError> {
        let event = Event::of_export(self.export, &self.progress);
        self.state
            .queues
            .send_events(event.into_iter().collect())
            .await?;
        self.state.exports.retire(self.request).await
    }
}
