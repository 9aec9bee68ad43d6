//! Where the files of a feed lie: in a directory or a zip archive, on top or in a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::error::GtfsError;
use super::limits::{MAX_DEPTH, MAX_ENTRIES};

/// The files that an import reads; everything else in a feed is passed over.
pub(super) const FILES: [&str; 8] = [
    "agency.txt",
    "stops.txt",
    "routes.txt",
    "calendar.txt",
    "calendar_dates.txt",
    "trips.txt",
    "stop_times.txt",
    "frequencies.txt",
];

/// A feed whose files have been found.
pub(super) struct Source {
    files: Files,
    max_file_bytes: u64,
}

enum Files {
    /// Files of a directory.
    Directory(BTreeMap<&'static str, PathBuf>),
    /// Entries of an archive, by index.
    Archive(PathBuf, Box<ZipArchive<BufReader<File>>>, BTreeMap<&'static str, usize>),
}

impl Source {
    /// Finds the feed in a zip archive or a directory.
    pub(super) fn open(path: &Path, max_file_bytes: u64) -> Result<Self, GtfsError> {
        let cannot = |source| GtfsError::Open { path: path.to_owned(), source };
        if fs::metadata(path).map_err(cannot)?.is_dir() {
            let mut found = Vec::new();
            list_directory(path, &mut Vec::new(), &mut found)?;
            return Ok(Self { files: Files::Directory(choose(path, found)?), max_file_bytes });
        }
        let file = BufReader::new(File::open(path).map_err(cannot)?);
        let archive = ZipArchive::new(file)
            .map_err(|source| GtfsError::NotAZip { path: path.to_owned(), source })?;
        let mut found = Vec::new();
        for (index, name) in archive.file_names().enumerate() {
            if index >= MAX_ENTRIES {
                return Err(GtfsError::TooManyEntries { path: path.to_owned() });
            }
            if name.ends_with('/') {
                continue;
            }
            let mut folders: Vec<String> = name.split(['/', '\\']).map(str::to_owned).collect();
            let name_in_folder = folders.pop().unwrap_or_default();
            folders.retain(|folder| folder != ".");
            let index = archive.index_for_name(name).unwrap_or(index);
            found.push(Found { folders, name: name_in_folder, at: index });
        }
        let chosen = choose(path, found)?;
        let files = Files::Archive(path.to_owned(), Box::new(archive), chosen);
        Ok(Self { files, max_file_bytes })
    }

    /// The most bytes that one file may have when it is unpacked.
    pub(super) fn max_file_bytes(&self) -> u64 {
        self.max_file_bytes
    }

    /// The unpacked bytes of one of [`FILES`], bounded; `None` if the feed does not have it.
    pub(super) fn read(
        &mut self,
        file: &'static str,
    ) -> Result<Option<Bounded<Box<dyn Read + '_>>>, GtfsError> {
        let inner: Box<dyn Read + '_> = match &mut self.files {
            Files::Directory(files) => {
                let Some(path) = files.get(file) else { return Ok(None) };
                let opened = File::open(path)
                    .map_err(|source| GtfsError::Open { path: path.clone(), source })?;
                Box::new(opened)
            }
            Files::Archive(path, archive, entries) => {
                let Some(index) = entries.get(file) else { return Ok(None) };
                let entry = archive
                    .by_index(*index)
                    .map_err(|source| GtfsError::NotAZip { path: path.join(file), source })?;
                Box::new(entry)
            }
        };
        Ok(Some(Bounded { inner, left: self.max_file_bytes }))
    }
}

/// A reader that fails once it has given out more than its share.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(read)
    }
}

/// A file that may belong to the feed.
struct Found<T> {
    folders: Vec<String>,
    name: String,
    at: T,
}

fn list_directory(
    directory: &Path,
    folders: &mut Vec<String>,
    found: &mut Vec<Found<PathBuf>>,
) -> Result<(), GtfsError> {
    let cannot = |source| GtfsError::Open { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if found.len() >= MAX_ENTRIES {
            return Err(GtfsError::TooManyEntries { path: directory.to_owned() });
        }
        if !path.is_dir() {
            found.push(Found { folders: folders.clone(), name, at: path });
        } else if folders.len() < MAX_DEPTH && !name.starts_with('.') {
            folders.push(name);
            list_directory(&path, folders, found)?;
            folders.pop();
        }
    }
    Ok(())
}

/// The files of the folder that is the feed: the one nearest to the top that can be one.
fn choose<T>(path: &Path, found: Vec<Found<T>>) -> Result<BTreeMap<&'static str, T>, GtfsError> {
    let mut names: Vec<String> = found.iter().map(|file| file.name.clone()).collect();
    let mut feeds: BTreeMap<Vec<String>, BTreeMap<&'static str, T>> = BTreeMap::new();
    for file in found {
        let known = FILES.into_iter().find(|known| file.name.eq_ignore_ascii_case(known));
        // Archives made on a Mac hold a shadow of every file.
        let shadow = file.folders.iter().any(|folder| folder == "__MACOSX");
        if let (Some(known), false) = (known, shadow) {
            feeds.entry(file.folders).or_default().insert(known, file.at);
        }
    }
    feeds
        .retain(|_, files| files.contains_key("trips.txt") && files.contains_key("stop_times.txt"));
    let Some(depth) = feeds.keys().map(Vec::len).min() else {
        names.sort_unstable();
        names.truncate(20);
        return Err(GtfsError::NotAFeed { path: path.to_owned(), found: names });
    };
    feeds.retain(|folders, _| folders.len() == depth);
    if feeds.len() > 1 {
        let folders = feeds.keys().map(|folders| folders.join("/")).collect();
        return Err(GtfsError::SeveralFeeds { path: path.to_owned(), folders });
    }
    Ok(feeds.into_values().next().unwrap_or_default())
}
