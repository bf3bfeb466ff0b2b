//! Recipient files and their manifest, against the local stack.

use bytes::Bytes;
use carillon_core::{
    batch::Prepared, chunk::source::FrameAddress, id::BatchId, manifest::Manifest,
};
use carillon_store::files::Files;
use carillon_testkit::{build, stack};

async fn files() -> Files {
    let s3 = stack::aws().await.s3();
    Files::new(s3, stack::variable("FILES_BUCKET"))
}

fn manifest(batch: BatchId, run: u64) -> Manifest {
    Manifest {
        version: Manifest::VERSION,
        batch,
        run,
        parts: 1,
        groups: Vec::new(),
        frames: Vec::new(),
        prepared: Prepared::default(),
    }
}

#[tokio::test]
async fn the_first_manifest_stays() {
    let (files, batch) = (files().await, build::id());

    let first = files.settle_manifest(&manifest(batch, 1)).await.unwrap();
    let second = files.settle_manifest(&manifest(batch, 2)).await.unwrap();

    assert_eq!((first.run, second.run), (1, 1));
    assert_eq!(files.find_manifest(batch).await.unwrap(), Some(first));
}

#[tokio::test]
async fn a_frame_is_read_out_of_the_middle_of_its_part() {
    let (files, batch) = (files().await, build::id());
    files
        .put_part(batch, 7, 3, Bytes::from_static(b"one two three"))
        .await
        .unwrap();

    let at = FrameAddress {
        run: 7,
        part: 3,
        offset: 4,
        length: 3,
    };
    let frame = files.read_frame(batch, at).await.unwrap();

    assert_eq!(frame, "two");
}

#[tokio::test]
async fn an_upload_is_nothing_until_it_has_arrived() {
    let (files, account, upload) = (files().await, build::id(), build::id());

    let before = files.find_upload(account, upload).await.unwrap();
    let nothing = files.read_upload_start(account, upload, 4).await.unwrap();
    files
        .put_upload(account, upload, Bytes::from_static(b"phone,name"))
        .await
        .unwrap();
    let after = files.find_upload(account, upload).await.unwrap();
    let start = files.read_upload_start(account, upload, 5).await.unwrap();

    assert_eq!((before, nothing), (None, None));
    assert_eq!(after.map(|arrived| arrived.bytes), Some(10));
    assert_eq!(start.as_deref(), Some(&b"phone"[..]));
}

#[tokio::test]
async fn an_empty_upload_has_an_empty_start() {
    let (files, account, upload) = (files().await, build::id(), build::id());
    files
        .put_upload(account, upload, Bytes::new())
        .await
        .unwrap();

    let start = files.read_upload_start(account, upload, 5).await.unwrap();

    assert_eq!(start.as_deref(), Some(&b""[..]));
}
