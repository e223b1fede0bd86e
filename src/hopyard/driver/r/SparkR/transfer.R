# Rows between Spark and R, in bulk.
#
# The RBackend sends a value at a time, which takes R minutes for 100,000 rows. So Spark writes each
# row as text, cell after cell, each ended by CELL, and R cuts many rows at once. Doubles travel in
# hexadecimal, so that they arrive to the last bit.

CELL <- "\x1f"
ESCAPE <- "\x1c"
NULL_CELL <- paste0(ESCAPE, "2")
ROWS_AT_ONCE <- 20000L

# --- from Spark -----------------------------------------------------------------------------------

collect <- function(x, stringsAsFactors = FALSE, ...) {
  if (!is_frame(x)) stop("collect takes a SparkDataFrame.", call. = FALSE)
  fields <- schema_fields(callJMethod(x@sdf, "schema"))
  count <- length(fields)
  if (count == 0) return(data.frame())
  plain <- callJMethod(x@sdf, "toDF", as.list(paste0("c", seq_len(count))))
  text <- vapply(seq_len(count), function(i) {
    sprintf("coalesce(%s, '%s'), '%s'", cell_sql(paste0("c", i), fields[[i]]$type), NULL_CELL, CELL)
  }, "")
  lines <- callJMethod(plain, "selectExpr", list(paste0("concat(", paste(text, collapse = ", "), ") AS line")))
  encoder <- callJStatic("org.apache.spark.sql.Encoders", "STRING")
  rows <- newJObject("java.util.ArrayList", callJMethod(callJMethod(lines, "as", encoder), "collectAsList"))
  cells <- receive(rows, count)
  columns <- lapply(seq_len(count), function(i) {
    r_column(cells[seq.int(i, length.out = length(cells) / count, by = count)], fields[[i]]$type)
  })
  names(columns) <- vapply(fields, function(field) field$name, "")
  size <- length(cells) / count
  made <- structure(columns, class = "data.frame", row.names = .set_row_names(size))
  if (stringsAsFactors) {
    texts <- vapply(made, is.character, NA)
    made[texts] <- lapply(made[texts], factor)
  }
  made
}

receive <- function(rows, count) {
  size <- callJMethod(rows, "size")
  pieces <- lapply(seq_len(ceiling(size / ROWS_AT_ONCE)), function(piece) {
    from <- (piece - 1L) * ROWS_AT_ONCE
    part <- callJMethod(rows, "subList", as.integer(from), as.integer(min(size, from + ROWS_AT_ONCE)))
    text <- callJStatic("java.lang.String", "join", "", newJObject("java.util.ArrayList", part))
    strsplit(text, CELL, fixed = TRUE, useBytes = TRUE)[[1]]
  })
  unlist(pieces)
}

# How Spark writes a value of a type.
cell_sql <- function(name, type) {
  if (is.list(type)) return(sprintf("to_json(%s)", name))
  switch(sub("\\(.*", "", type),
    double = sprintf("if(%s IS NULL, NULL, format_string('%%a', %s))", name, name),
    float = sprintf("if(%s IS NULL, NULL, format_string('%%a', CAST(%s AS DOUBLE)))", name, name),
    date = sprintf("CAST(unix_date(%s) AS STRING)", name),
    timestamp = sprintf("CAST(unix_micros(%s) AS STRING)", name),
    timestamp_ntz = sprintf("CAST(unix_micros(CAST(%s AS TIMESTAMP)) AS STRING)", name),
    binary = sprintf("hex(%s)", name),
    variant = sprintf("to_json(%s)", name),
    string = escaped_sql(name),
    if (grepl("^(var)?char", type)) escaped_sql(name) else sprintf("CAST(%s AS STRING)", name)
  )
}

escaped_sql <- function(name) {
  sprintf("replace(replace(replace(CAST(%s AS STRING), '%s', '%s0'), '%s', '%s1'), chr(0), '')",
    name, ESCAPE, ESCAPE, CELL, ESCAPE)
}

r_column <- function(cells, type) {
  if (is.null(cells)) cells <- character()
  cells[cells == NULL_CELL] <- NA_character_
  if (is.list(type) || type == "variant") return(lapply(cells, r_nested, type))
  switch(sub("\\(.*", "", type),
    integer = , short = , byte = as.integer(cells),
    long = , float = , double = , decimal = as.numeric(cells),
    boolean = cells == "true",
    date = structure(as.numeric(cells), class = "Date"),
    timestamp = , timestamp_ntz = .POSIXct(as.numeric(cells) / 1e6),
    binary = lapply(cells, r_raw),
    void = rep(NA, length(cells)),
    r_text(cells)
  )
}

r_text <- function(cells) {
  Encoding(cells) <- "UTF-8"
  marked <- grepl(ESCAPE, cells, fixed = TRUE)
  if (any(marked)) {
    cells[marked] <- gsub(paste0(ESCAPE, "1"), CELL, cells[marked], fixed = TRUE)
    cells[marked] <- gsub(paste0(ESCAPE, "0"), ESCAPE, cells[marked], fixed = TRUE)
  }
  cells
}

r_raw <- function(cell) {
  if (is.na(cell)) return(NULL)
  if (!nzchar(cell)) return(raw())
  starts <- seq.int(1L, nchar(cell), by = 2L)
  as.raw(strtoi(substring(cell, starts, starts + 1L), 16L))
}

r_nested <- function(cell, type) {
  if (is.na(cell)) return(NULL)
  Encoding(cell) <- "UTF-8"
  r_value(jsonlite::fromJSON(paste0("[", cell, "]"), simplifyVector = FALSE)[[1]], type)
}

# Arrays are lists, structs are lists with names, maps are environments, as in SparkR.
r_value <- function(value, type) {
  if (is.null(value)) return(NULL)
  if (!is.list(type)) {
    if (type == "variant" || is.list(value)) return(value)
    return(switch(sub("\\(.*", "", type),
      integer = , short = , byte = as.integer(value),
      long = , float = , double = , decimal = as.numeric(value),
      date = as.Date(value),
      timestamp = , timestamp_ntz = r_time(value),
      binary = jsonlite::base64_dec(value),
      value
    ))
  }
  switch(type$type,
    array = lapply(value, r_value, type$elementType),
    map = list2env(lapply(value, r_value, type$valueType), envir = new.env()),
    struct = {
      names <- vapply(type$fields, function(field) field$name, "")
      # to_json leaves nulls out
      values <- lapply(type$fields, function(field) r_value(value[[field$name]], field$type))
      structure(values, names = names, class = "struct")
    },
    value
  )
}

r_time <- function(text) {
  zone <- sub("^.*?(Z|[+-]\\d\\d:\\d\\d)?$", "\\1", text, perl = TRUE)
  time <- sub("(Z|[+-]\\d\\d:\\d\\d)$", "", text)
  if (!nzchar(zone)) return(as.POSIXct(time, format = "%Y-%m-%dT%H:%M:%OS"))
  offset <- if (zone == "Z") "+0000" else sub(":", "", zone)
  parsed <- as.POSIXct(time, format = "%Y-%m-%dT%H:%M:%OS", tz = "UTC")
  hours <- as.integer(substr(offset, 2, 3)) + as.integer(substr(offset, 4, 5)) / 60
  .POSIXct(as.numeric(parsed) - (if (substr(offset, 1, 1) == "-") -1 else 1) * hours * 3600)
}

print.struct <- function(x, ...) {
  utils::str(unclass(x), give.attr = FALSE)
  invisible(x)
}

# --- to Spark -------------------------------------------------------------------------------------

createDataFrame <- function(data, schema = NULL, samplingRatio = 1.0, numPartitions = NULL) {
  if (inherits(data, "jobj")) stop("createDataFrame takes a data.frame or a list of rows.", call. = FALSE)
  if (is_frame(data)) return(data)
  data <- as_columns(data)
  if (is.character(schema) && length(schema) == ncol(data) && !any(grepl("[ :]", schema))) {
    names(data) <- schema
    schema <- NULL
  }
  if (is.null(schema)) {
    names(data) <- without_dots(names(data))
    if (!ncol(data)) return(without_columns(nrow(data)))
  }
  wanted <- if (is.null(schema)) NULL else java_schema(schema)
  fields <- if (is.null(wanted)) NULL else schema_fields(wanted)
  if (!is.null(fields) && length(fields) != ncol(data)) {
    stop("The schema has ", length(fields), " columns, the data has ", ncol(data), ".", call. = FALSE)
  }
  types <- if (is.null(fields)) {
    vapply(data, sql_type, "")
  } else {
    vapply(fields, function(field) simple_type(field$type), "")
  }
  names <- if (is.null(fields)) names(data) else vapply(fields, function(field) field$name, "")
  made <- send_rows(data, names, types)
  if (is.null(numPartitions)) made else repartition(made, as.integer(numPartitions))
}
as.DataFrame <- createDataFrame

# As SparkR does: in Spark a dot says that a field follows.
without_dots <- function(names) {
  plain <- gsub(".", "_", names, fixed = TRUE)
  for (i in which(plain != names)) {
    warning("Use ", plain[i], " instead of ", names[i], " as column name", call. = FALSE)
  }
  plain
}

without_columns <- function(rows) {
  all <- callJMethod(getSparkSession(), "range", as.integer(rows))
  frame(callJMethod(all, "select", list()))
}

as_columns <- function(data) {
  if (is.data.frame(data)) {
    wide <- vapply(data, function(column) length(dim(column)) > 1, NA)
    if (any(wide)) {
      stop("The column ", names(data)[wide][1], " is itself a table; give Spark its columns apart ",
        "(do.call(data.frame, data) makes them so).", call. = FALSE)
    }
    return(data)
  }
  if (!is.list(data)) return(as.data.frame(data, stringsAsFactors = FALSE))
  if (!length(data)) return(data.frame())
  width <- max(lengths(data), 1L)
  columns <- lapply(seq_len(width), function(i) {
    cells <- lapply(data, function(row) if (is.list(row) || length(row) > 1) row[[i]] else row)
    if (all(lengths(cells) <= 1) && !any(vapply(cells, is.list, NA))) {
      do.call(c, lapply(cells, function(cell) if (is.null(cell)) NA else cell))
    } else {
      cells
    }
  })
  names <- if (length(data) && !is.null(names(data[[1]]))) names(data[[1]]) else paste0("_", seq_len(width))
  structure(columns, names = names, class = "data.frame", row.names = .set_row_names(length(data)))
}

sql_type <- function(column) {
  if (is.factor(column)) return("string")
  if (inherits(column, "Date")) return("date")
  if (inherits(column, "POSIXt")) return("timestamp")
  switch(typeof(column),
    logical = "boolean", integer = "int", double = "double", character = "string",
    list = nested_type(column),
    stop("A column of type ", typeof(column), " cannot be given to Spark.", call. = FALSE))
}

nested_type <- function(cells) {
  found <- unique(vapply(Filter(Negate(is.null), cells), cell_type, ""))
  found <- found[nzchar(found)] # what is empty is of each type
  if (setequal(found, c("array<int>", "array<double>"))) return("array<double>")
  if (length(found) > 1 && !all(startsWith(found, "struct<"))) {
    stop("A list column must hold values of one type, this one has ", paste(found, collapse = " and "), ".", call. = FALSE)
  }
  if (length(found)) found[1] else "array<string>"
}

cell_type <- function(cell) {
  if (is.raw(cell)) return("binary")
  if (is.environment(cell)) {
    names <- ls(cell)
    return(if (length(names)) paste0("map<string,", sql_type(get(names[1], envir = cell)), ">") else "")
  }
  if (is.list(cell) && !is.null(names(cell))) {
    inner <- vapply(names(cell), function(name) {
      paste0(quoted(name), ":", if (is.list(cell[[name]])) nested_type(list(cell[[name]])) else sql_type(cell[[name]]))
    }, "")
    return(paste0("struct<", paste(inner, collapse = ","), ">"))
  }
  if (!length(cell)) return("")
  paste0("array<", if (is.list(cell)) element_type(cell) else sql_type(cell), ">")
}

element_type <- function(elements) {
  found <- Filter(Negate(is.null), elements)
  if (!length(found)) return("string")
  if (is.list(found[[1]])) nested_type(found) else sql_type(unlist(found))
}

send_rows <- function(data, names, types) {
  session <- getSparkSession()
  ddl <- paste(mapply(function(name, type) paste(quoted(name), type), names, types), collapse = ", ")
  jschema <- java_schema(ddl)
  rows <- do.call(paste, c(unname(lapply(data, r_cells)), sep = CELL))
  list <- if (length(rows) == 1) list(rows) else rows # one string alone would be no array
  list <- if (length(rows)) callJStatic("java.util.Arrays", "asList", list) else newJObject("java.util.ArrayList")
  encoder <- callJStatic("org.apache.spark.sql.Encoders", "STRING")
  texts <- callJMethod(callJMethod(session, "createDataset", list, encoder), "toDF", list("text"))
  parts <- callJMethod(texts, "selectExpr", list(sprintf("split(text, '%s') AS parts", CELL)))
  typed <- callJMethod(parts, "selectExpr", as.list(mapply(function(i, name, type) {
    paste(value_sql(sprintf("nullif(parts[%d], '%s')", i - 1L, NULL_CELL), type), "AS", quoted(name))
  }, seq_along(types), names, types, USE.NAMES = FALSE)))
  # Spark computes this without a job. As rows of the driver, so that what follows starts from values.
  frame(callJMethod(session, "createDataFrame", callJMethod(typed, "collectAsList"), jschema))
}

# How R writes the values of a column.
r_cells <- function(column) {
  text <- if (is.factor(column)) {
    marked_text(as.character(column))
  } else if (inherits(column, "Date")) {
    sprintf("%.0f", floor(as.numeric(column)))
  } else if (inherits(column, "POSIXt")) {
    sprintf("%.0f", as.numeric(as.POSIXct(column)) * 1e6)
  } else {
    switch(typeof(column),
      double = sprintf("%.17g", column),
      character = marked_text(column),
      list = vapply(column, nested_text, ""),
      as.character(column)
    )
  }
  gone <- if (is.list(column)) vapply(column, is.null, NA) else is.na(column) & !(is.double(column) & is.nan(column))
  text[gone] <- NULL_CELL
  text
}

marked_text <- function(text) {
  text <- enc2utf8(text)
  if (any(grepl("[\x1c\x1f]", text))) {
    for (mark in list(c(ESCAPE, "0"), c(CELL, "1"))) {
      text <- gsub(mark[1], paste0(ESCAPE, mark[2]), text, fixed = TRUE)
    }
  }
  text
}

nested_text <- function(cell) {
  if (is.null(cell)) return(NULL_CELL)
  if (is.raw(cell)) return(paste(as.character(cell), collapse = ""))
  as.character(jsonlite::toJSON(json_ready(cell), auto_unbox = TRUE, digits = NA, null = "null", na = "null"))
}

json_ready <- function(value) {
  if (is.environment(value)) return(lapply(as.list(value), json_ready))
  if (is.list(value)) return(lapply(unclass(value), json_ready))
  if (inherits(value, "Date")) return(format(value))
  if (inherits(value, "POSIXt")) return(format(value, "%Y-%m-%dT%H:%M:%OS6%z"))
  if (length(value) == 1) value else as.list(value)
}

value_sql <- function(cell, type) {
  switch(sub("[(<].*", "", type),
    string = sprintf("replace(replace(%s, '%s1', '%s'), '%s0', '%s')", cell, ESCAPE, CELL, ESCAPE, ESCAPE),
    date = sprintf("date_from_unix_date(CAST(%s AS INT))", cell),
    timestamp = sprintf("timestamp_micros(CAST(%s AS BIGINT))", cell),
    binary = sprintf("unhex(%s)", cell),
    array = , map = , struct = sprintf("from_json(%s, '%s')", cell, gsub("'", "\\\\'", type)),
    int = , bigint = , smallint = , tinyint = sprintf("CAST(CAST(%s AS DOUBLE) AS %s)", cell, type),
    sprintf("CAST(%s AS %s)", cell, type)
  )
}
