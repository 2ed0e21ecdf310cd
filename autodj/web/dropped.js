// @ts-check
/** The files in a drop, folders opened. */

const BATCH_END = 0;

/** @param {DataTransfer} transfer @returns {Promise<File[]>} */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(entries.map(filesOf));
  return found.flat().filter((file) => !file.name.startsWith("."));
}

/** @param {FileSystemEntry | File | null} entry @returns {Promise<File[]>} */
async function filesOf(entry) {
  if (entry === null) return [];
  if (entry instanceof File) return [entry];
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((resolve, reject) => file.file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const files = [];
  for (;;) {
    // A reader gives a folder in batches of 100 and says that it is done by an empty one.
    /** @type {FileSystemEntry[]} */
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === BATCH_END) return files;
    for (const each of batch) files.push(...(await filesOf(each)));
  }
}
