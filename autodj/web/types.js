// @ts-check
/**
 * @typedef {"private" | "public"} Visibility
 *
 * The shapes that travel between the server and the page. Times end in _s (seconds).
 *
 * @typedef {object} AnalysisSummary
 * @property {"pending" | "done" | "failed"} state
 * @property {number | null} version
 * @property {string | null} failure why there is none, as a code
 * @property {string | null} url
 *
 * @typedef {object} Track
 * @property {string} id
 * @property {string} title
 * @property {string | null} artist
 * @property {string | null} album
 * @property {string} created_at
 * @property {number} version
 * @property {number} duration_s
 * @property {string} content_type
 * @property {number} size_bytes
 * @property {"local" | "s3"} file_source
 * @property {string} file_state
 * @property {string | null} cover_url
 * @property {string} audio_url
 * @property {AnalysisSummary} analysis
 * @property {number | null} bpm
 * @property {number | null} bpm_confidence 0 to 1
 * @property {number | null} bpm_alternative
 * @property {boolean} bpm_corrected
 * @property {string | null} key such as "A minor"
 * @property {string | null} camelot such as "8A"
 * @property {number | null} key_confidence 0 to 1
 * @property {boolean} key_corrected
 * @property {Corrections} [corrections]
 * @property {number | null} [metre] beats in a bar
 * @property {number | null} [bpm_measured] before corrections
 * @property {string | null} [key_measured] before corrections
 * @property {number | null} integrated_lufs
 * @property {number | null} true_peak_dbtp
 * @property {string | null} [overview] three bands of 100 bytes, base64
 * @property {string | null} [job_id]
 *
 * @typedef {object} Corrections what people have set, null where nobody did
 * @property {number | null} bpm
 * @property {number | null} anchor_s
 * @property {number | null} grid_shift_ms
 * @property {number | null} downbeat_s
 * @property {number | null} metre
 * @property {string | null} key
 *
 * @typedef {object} ProblemDocument RFC 9457
 * @property {number} status
 * @property {string} title
 * @property {string} [detail]
 * @property {string} [code]
 * @property {string} [hint]
 * @property {{pointer: string, detail: string}[]} [errors]
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {"process" | "fetch" | "reanalysis"} kind
 * @property {"queued" | "running" | "done" | "failed"} state
 * @property {string} step
 * @property {number} progress 0 to 1 of the whole job
 * @property {FetchOrder | null} order of a fetch
 * @property {string | null} track_id
 * @property {JobResult | null} result
 * @property {ProblemDocument | null} problem
 * @property {string} changed_at
 *
 * @typedef {object} FetchOrder
 * @property {string} url without its query
 * @property {boolean} url_is_whole only then it can be asked for again
 * @property {Visibility} visibility
 *
 * @typedef {object} JobResult
 * @property {number} tracks
 * @property {boolean} [created] of a fetch
 * @property {{local: number, s3: number}} [sources] of a track
 * @property {number} [done] of many tracks that are measured again
 * @property {number} [failed] of those
 *
 * @typedef {object} AudioLink
 * @property {string} url
 * @property {"local" | "s3"} source
 * @property {string | null} expires_at
 * @property {string | null} [renew_at] until then the same link is given to everybody
 * @property {string} content_type
 * @property {number} duration_s
 * @property {string} [rendition] "original", or the name of the copy
 * @property {number} [start_offset_s] what the analysis has at t is heard at t less this
 *
 * @typedef {object} Rendition
 * @property {string} name
 * @property {string} state
 * @property {boolean} ready
 * @property {string | null} failure
 *
 * @typedef {object} Waveform four lists of 0 to 255, equally long
 * @property {number} points_per_s
 * @property {ArrayLike<number>} peak
 * @property {ArrayLike<number>} low
 * @property {ArrayLike<number>} mid
 * @property {ArrayLike<number>} high
 *
 * @typedef {object} Analysis
 * @property {number} duration_s
 * @property {number[]} beats_s
 * @property {number[]} [downbeats_s]
 * @property {Section[]} [sections]
 * @property {Cues} [cues]
 * @property {Waveform} waveform
 * @property {number | null} [metre] beats in a bar
 * @property {"constant" | "variable" | null} [grid]
 * @property {string | null} [key_alternative] the next likely key
 * @property {number | null} [tuning_cents] from A = 440 Hz
 * @property {number | null} [integrated_lufs]
 * @property {number | null} [loudness_range_lu]
 * @property {number | null} [true_peak_dbtp]
 * @property {number | null} [replaygain_db]
 * @property {number | null} [energy] 1 to 10
 * @property {FileTags} [tags]
 *
 * @typedef {object} FileTags what the file says of itself, as it is written there
 * @property {string | null} [bpm]
 * @property {string | null} [key]
 * @property {string | null} [replaygain_track_gain]
 * @property {string | null} [replaygain_track_peak]
 *
 * @typedef {object} Section
 * @property {string} label such as "intro"
 * @property {number} start_s
 * @property {number} bar its first one, from 1
 * @property {number} bars
 * @property {number} energy 0 to 1
 *
 * @typedef {object} Cues seconds, null for what the track does not have
 * @property {number | null} [cue_in]
 * @property {number | null} [intro_end]
 * @property {number | null} [drop]
 * @property {number | null} [outro_start]
 * @property {number | null} [cue_out]
 *
 * @typedef {object} Filter what the list is narrowed to; empty text leaves it open
 * @property {string} q
 * @property {string} bpm_min
 * @property {string} bpm_max
 * @property {string} key
 * @property {string} source
 *
 * @typedef {object} Page
 * @property {Track[]} items
 * @property {string | null} next_cursor
 * @property {number} total
 */

export {};
