package hopyard

import java.io.{BufferedOutputStream, FileOutputStream, OutputStream, PrintStream, StringReader, StringWriter}
import java.net.UnixDomainSocketAddress
import java.nio.ByteBuffer
import java.nio.channels.{Channels, SocketChannel}
import java.nio.charset.StandardCharsets.UTF_8
import java.util.{ArrayList, LinkedHashMap}
import java.util.concurrent.{ConcurrentHashMap, CopyOnWriteArrayList, ExecutionException, Executors, TimeUnit}

import scala.collection.mutable
import scala.jdk.CollectionConverters._
import scala.reflect.internal.Flags
import scala.tools.nsc.interpreter.{CompletionCandidate, IMain}
import scala.tools.nsc.interpreter.Results.Incomplete

import com.fasterxml.jackson.databind.ObjectMapper
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.{DataFrame, Dataset, Row, SparkSession}

/** `hopyard.secret("name")`: asks the agent at the moment of use. */
object secret {

  /** Return a secret's value.
    *
    * @param owner whose it is, where several members share one of this name
    */
  def apply(name: String, owner: String = null): String = {
    val json = new ObjectMapper()
    val question = json.createObjectNode().put("secret", name).put("owner", owner)
    val agent = SocketChannel.open(UnixDomainSocketAddress.of(System.getenv("HOPYARD_DESK")))
    val answer =
      try {
        agent.write(ByteBuffer.wrap(s"$question\n".getBytes(UTF_8)))
        json.readTree(Channels.newInputStream(agent))
      } finally agent.close()
    if (!answer.has("value")) throw new NoSuchElementException(answer.path("fault").asText)
    answer.get("value").asText
  }
}

/** Spark's REPL as the agent uses it over py4j: one call a request, each answer is JSON.
  *
  * The agent sends this source; the REPL itself compiles it, so that no build step is needed.
  *
  * Several sessions may have one each in this JVM.
  *
  * @param intp what compiles and runs
  * @param printed where its reporter writes
  * @param stdout a named pipe that the agent reads
  * @param stderr likewise
  * @param firstLine a number of lines that no interpreter of this application used yet: executors
  *   keep the classes of those before, and know all by their names
  */
final class Repl(
    intp: IMain,
    printed: StringWriter,
    session: SparkSession,
    stdout: String,
    stderr: String,
    firstLine: Int) {
  import Repl._

  private val out = new Pipe(stdout)
  private val err = new Pipe(stderr)
  private val json = new ObjectMapper()
  /** Of each statement its own, though threads serve several. */
  private final class Statement(val thread: Thread)
  @volatile private var running: Option[Statement] = None
  @volatile private var cancelled = false
  private val frames = mutable.LinkedHashMap.empty[String, DataFrame]
  /** The name of what a statement gave last, by its job group. */
  private val given = mutable.LinkedHashMap.empty[String, String]
  private val worker = Executors.newSingleThreadExecutor { (task: Runnable) =>
    val thread = new Thread(null, task, "scala-statement", StackSize)
    thread.setDaemon(true)
    thread
  }
  private val flusher = Executors.newSingleThreadScheduledExecutor { (task: Runnable) =>
    val thread = new Thread(task, "scala-output")
    thread.setDaemon(true)
    thread
  }
  flusher.scheduleWithFixedDelay(() => flush(), FlushMillis, FlushMillis, TimeUnit.MILLISECONDS)
  Repl.sessions.put(firstLine, session)
  forget() // what the compiler has to say about this file
  (1 to firstLine).foreach(_ => intp.naming.freshLineId())

  /** Make the names that spark-shell has; empty if it went well, else what the compiler says. */
  def prepare(): String = {
    val answer = run(prelude(firstLine), silent = true, value = false)
    Repl.sessions.remove(firstLine)
    if (answer.containsKey("ok")) "" else answer.toString
  }

  /** Run code to its end, in a job group. */
  def execute(code: String, group: String, description: String, silent: Boolean, value: Boolean): String = {
    cancelled = false
    val future = worker.submit { () =>
      SparkSession.setActiveSession(session)
      session.sparkContext.setJobGroup(group, description, true)
      running = Some(new Statement(Thread.currentThread))
      try redirected(run(code, silent, value))
      finally {
        running = None
        Thread.interrupted()
      }
    }
    val answer =
      try future.get
      catch { case error: ExecutionException => failed(error.getCause.toString) }
    flush()
    answer.put("stdout", Long.box(out.written))
    answer.put("stderr", Long.box(err.written))
    json.writeValueAsString(answer)
  }

  /** Stop what runs: ask it, then end its thread where Java still can (up to version 19). */
  def interrupt(): Unit = {
    cancelled = true
    running.foreach { statement =>
      if (userCode) statement.thread.interrupt()
      val asked = System.nanoTime
      def passed(millis: Long) = System.nanoTime - asked > millis * 1000000
      while (running.contains(statement) && !passed(GraceMillis)) Thread.sleep(10)
      while (running.contains(statement) && initialises(statement.thread) && !passed(ClassMillis)) Thread.sleep(10)
      if (running.contains(statement) && userCode)
        try statement.thread.stop()
        catch { case _: UnsupportedOperationException => }
    }
  }

  /** Whether a thread makes a class ready, which could never be used again if it were stopped there.
    * A statement itself runs so, in a class of its own that nothing needs afterwards.
    */
  private def initialises(thread: Thread): Boolean =
    thread.getStackTrace.exists { frame =>
      frame.getMethodName == "<clinit>" && !frame.getClassName.startsWith("$line")
    }

  /** Complete the name before the cursor, or say what the name there is. */
  def complete(code: String, cursor: Int, exact: Boolean): String = intp.synchronized {
    val answer = new LinkedHashMap[String, AnyRef]
    intp.presentationCompile(cursor, code).foreach { result =>
      try {
        val (start, found) = result.completionCandidates(filter = true, tabCount = 1)
        answer.put("start", Int.box(start))
        if (exact) {
          val name = if (start < 0) "" else code.substring(start, cursor)
          val described = found.filter(_.name == name).map(_.declString()).filter(_.nonEmpty)
          val lines = if (described.nonEmpty) described.distinct else List(result.typeAt(start, cursor))
          answer.put("text", lines.mkString("\n"))
        } else answer.put("matches", names(found))
      } finally result.cleanup()
    }
    json.writeValueAsString(answer)
  }

  /** The DataFrame that a statement gave; null if there is none (any more). */
  def frame(group: String): DataFrame = frames.synchronized(frames.get(group).orNull)

  /** The type of what a statement gave; null if it gave nothing, or is not remembered any more. */
  def kind(group: String): String = frames.synchronized(given.get(group)).map(kindNamed).orNull

  /** The type of a name; null if there is no such name. */
  def kindNamed(name: String): String = intp.synchronized {
    val found = intp.typeOfTerm(name)
    if (found == intp.global.NoType) null else found.finalResultType.toString
  }

  /** The DataFrame that a name stands for; null if it is none. */
  def named(name: String): DataFrame = intp.synchronized {
    val found = intp.reporter.withoutPrintingResults(compile(name)).toOption.flatMap { request =>
      intp.classLoader.asContext(request.loadAndRun).toOption.flatMap(_ => valueOf(request))
    }
    drain()
    found.collect { case frame: Dataset[_] => frame.toDF() }.orNull
  }

  /** End the threads; what still runs is left alone. */
  def close(): Unit = {
    worker.shutdownNow()
    flusher.shutdownNow()
    intp.synchronized(intp.close())
  }

  @volatile private var userCode = false

  private def run(
      code: String, silent: Boolean, value: Boolean, whole: Boolean = false): LinkedHashMap[String, AnyRef] = {
    val compiled = intp.synchronized {
      drain()
      if (silent) intp.reporter.withoutPrintingResults(compile(code)) else compile(code)
    }
    val diagnostics = drain()
    if (cancelled) failed("The statement was cancelled.")
    else compiled match {
      case Left(Incomplete)                     => answer("incomplete" -> "")
      case Left(_) if diagnostics.trim.isEmpty  => answer("ok" -> "") // nothing but comments
      case Left(_)                              => answer("compiler" -> diagnostics)
      case Right(request) =>
        val parts = if (whole) Nil else afterClasses(request, code)
        if (parts.nonEmpty) inTurn(parts, silent, value)
        else {
          if (diagnostics.nonEmpty) Console.err.print(diagnostics)
          evaluate(request, value)
        }
    }
  }

  private def evaluate(request: intp.Request, value: Boolean): LinkedHashMap[String, AnyRef] = {
    val result = intp.classLoader.asContext(call(request))
    if (cancelled && result.isLeft) failed("The statement was cancelled.")
    else intp.synchronized {
      intp.reporter.printResult(result)
      if (result.isRight) intp.recordRequest(request)
      val text = drain()
      forget()
      if (result.isLeft) answer("exception" -> text)
      else {
        val last = valueOf(request)
        val group = session.sparkContext.getLocalProperty(Group)
        last.foreach {
          case frame: Dataset[_] => keep(group, frame)
          case _                 => frames.synchronized(remember(given, group, intp.mostRecentVar))
        }
        if (value) answer("ok" -> text, "value" -> plain(last)) else answer("ok" -> text)
      }
    }
  }

  /** Run the parts of some code one after the other, up to the first that fails. */
  private def inTurn(parts: List[String], silent: Boolean, value: Boolean): LinkedHashMap[String, AnyRef] = {
    val texts = new StringBuilder
    var last = answer("ok" -> "")
    val left = parts.iterator
    while (left.hasNext && last.containsKey("ok")) {
      last = run(left.next(), silent, value, whole = true)
      if (last.containsKey("ok")) texts.append(last.get("ok"))
    }
    if (last.containsKey("ok")) last.put("ok", texts.toString)
    last
  }

  /** Cut code where it goes on after classes; nothing if it has no such place.
    *
    * Code runs while the object around it is still being made. A thread of Spark that needs a class
    * of the same code waits for that object (`OuterScopes`), and the code for the thread: for ever.
    */
  private def afterClasses(request: intp.Request, code: String): List[String] = {
    val trees = request.trees
    val lines = trees.map(firstLine(_, code))
    val cuts = trees.indices.drop(1).filter { number =>
      defines(trees(number - 1)) && !defines(trees(number)) && lines(number) > lines(number - 1)
    }.map(lines).distinct.toList
    if (cuts.isEmpty) Nil
    else {
      val all = code.linesWithSeparators.toVector
      (0 :: cuts).zip(cuts :+ all.length).map { case (begin, end) =>
        "\n" * begin + all.slice(begin, end).mkString // errors keep their lines
      }
    }
  }

  private def defines(tree: intp.global.Tree): Boolean = tree match {
    case _: intp.global.ImplDef | _: intp.global.TypeDef => true
    case _                                               => false
  }

  private def firstLine(tree: intp.global.Tree, code: String): Int = {
    val places = tree.collect { case part if part.pos.isDefined => part.pos.start }
    if (places.isEmpty) 0 else code.take(places.min).count(_ == '\n')
  }

  private def call(request: intp.Request): Either[String, String] = {
    userCode = true
    try Right(String.valueOf(request.lineRep.call("$print")))
    catch {
      case error: Throwable => // also a ThreadDeath
        userCode = false
        Thread.interrupted() // the compiler that tells about it must not be interrupted
        if (cancelled) Left("") else Left(intp.synchronized(request.lineRep.bindError(error)))
    } finally {
      userCode = false
      Thread.interrupted()
    }
  }

  private def compile(code: String) = {
    val compiled = intp.withLabel(Label)(intp.compile(code, synthetic = false))
    forget()
    compiled
  }

  /** Keep this compilation's warnings out of the next one's. */
  private def forget(): Unit = {
    intp.reporter.reset()
    intp.global.currentRun.reporting.clearAllConditionalWarnings()
  }

  /** Return what the last line defines or gives; nothing of a method, which would run again. */
  private def valueOf(request: intp.Request): Option[Any] = request.trees.lastOption.collect {
    case tree: intp.global.ValDef if !tree.mods.hasFlag(Flags.LAZY) => request.eval.toOption.orNull
  }

  private def keep(group: String, frame: Dataset[_]): Unit = frames.synchronized {
    given.remove(group)
    remember(frames, group, frame.toDF())
  }

  private def remember[A](all: mutable.LinkedHashMap[String, A], group: String, value: A): Unit = {
    all.remove(group)
    all.put(group, value)
    if (all.size > Frames) all.remove(all.head._1)
  }

  private def drain(): String = {
    intp.reporter.flush()
    val text = printed.toString
    printed.getBuffer.setLength(0)
    text
  }

  private def redirected[A](body: => A): A = {
    System.setOut(systemOut.stream)
    System.setErr(systemErr.stream)
    systemOut.to(out.stream)(systemErr.to(err.stream) {
      Console.withIn(new StringReader("")) {
        Console.withOut(out.stream)(Console.withErr(err.stream)(body))
      }
    })
  }

  private def flush(): Unit = {
    out.stream.flush()
    err.stream.flush()
  }

  /** Return a value as Java's collections, for JSON. */
  private def plain(value: Any): AnyRef = value match {
    case null | None                          => null
    case Some(inner)                          => plain(inner)
    case number: BigDecimal                   => number.bigDecimal
    case number: BigInt                       => number.bigInteger
    case _: Char                              => value.toString
    case _: String | _: Boolean | _: Number   => value.asInstanceOf[AnyRef]
    case row: Row if row.schema != null       => fields(row.schema.fieldNames.toSeq zip row.toSeq)
    case row: Row                             => plain(row.toSeq)
    case rows: Dataset[_] => list(rows.toJSON.take(Rows).iterator.map(json.readTree(_)))
    case rdd: RDD[_]                          => list(rdd.take(RddRows).iterator.map(plain))
    case map: collection.Map[_, _]            => fields(map.map { case (k, v) => (String.valueOf(k), v) })
    case items: Iterable[_]                   => list(items.iterator.map(plain))
    case items: Array[_]                      => list(items.iterator.map(plain))
    case map: java.util.Map[_, _]             => plain(map.asScala)
    case items: java.lang.Iterable[_]         => plain(items.asScala)
    case product: Product => fields(product.productElementNames.toSeq zip product.productIterator.toSeq)
    case other                                => other.toString
  }

  private def list(items: Iterator[AnyRef]): AnyRef = new ArrayList(items.toSeq.asJavaCollection)

  private def fields(items: Iterable[(String, Any)]): AnyRef = {
    val map = new LinkedHashMap[String, AnyRef]
    items.foreach { case (name, value) => map.put(name, plain(value)) }
    map
  }
}

object Repl {
  /** What preludes take `spark` from, by the first lines of their interpreters. */
  val sessions = new ConcurrentHashMap[Int, SparkSession]

  /** System.out or System.err, of which a JVM has one for all sessions.
    *
    * What a thread prints is its statement's, or that of the thread which started it. What other
    * threads print, such as those of tasks, is of the only statement that runs.
    */
  private final class Shared(original: PrintStream) extends OutputStream {
    private val own = new InheritableThreadLocal[PrintStream]
    private val running = new CopyOnWriteArrayList[PrintStream]
    val stream = new PrintStream(this, false, UTF_8)

    def to[A](statement: PrintStream)(body: => A): A = {
      own.set(statement)
      running.add(statement)
      try body
      finally {
        running.remove(statement)
        own.remove()
      }
    }

    private def target: PrintStream = Option(own.get).getOrElse {
      val all = running.toArray(Array.empty[PrintStream])
      if (all.length == 1) all.head else original
    }
    override def write(byte: Int): Unit = target.write(byte)
    override def write(bytes: Array[Byte], start: Int, size: Int): Unit = target.write(bytes, start, size)
    override def flush(): Unit = target.flush()
  }
  private val systemOut = new Shared(System.out)
  private val systemErr = new Shared(System.err)

  val Label = "<cell>"
  val StackSize = 16L << 20
  val FlushMillis = 40L
  /** How long code may take to end by itself, once interrupted. */
  val GraceMillis = 400L
  /** How long classes may take to become ready meanwhile, such as Spark's at a first query. */
  val ClassMillis = 4000L
  val Matches = 2000
  /** DataFrames of the last statements that are kept. */
  val Frames = 10
  val Group = "spark.jobGroup.id"
  /** Livy's own numbers for `%json`. */
  val RddRows = 10
  val Rows = 1000

  private def prelude(line: Int) =
    s"""@transient val spark: org.apache.spark.sql.SparkSession = _root_.hopyard.Repl.sessions.get($line)
      |@transient val sc = spark.sparkContext
      |@transient val sqlContext = spark.sqlContext
      |import org.apache.spark.SparkContext._
      |import spark.implicits._
      |import spark.sql
      |import org.apache.spark.sql.functions._
      |""".stripMargin

  private def answer(items: (String, AnyRef)*): LinkedHashMap[String, AnyRef] = {
    val map = new LinkedHashMap[String, AnyRef]
    items.foreach { case (name, value) => map.put(name, value) }
    map
  }

  private def failed(text: String) = answer("exception" -> text)

  private def names(found: List[CompletionCandidate]): AnyRef = {
    val names = found.map(_.name).filter(name => name.headOption.exists(Character.isJavaIdentifierStart(_)))
    new ArrayList(names.distinct.take(Matches).asJavaCollection)
  }

  /** A named pipe: what is printed goes out when the buffer is full, or with the next flush. */
  private final class Pipe(path: String) {
    @volatile var written = 0L
    private val counted = new OutputStream {
      private val file = new FileOutputStream(path)
      override def write(byte: Int): Unit = write(Array(byte.toByte), 0, 1)
      override def write(bytes: Array[Byte], start: Int, length: Int): Unit = {
        file.write(bytes, start, length)
        written += length
      }
    }
    val stream = new PrintStream(new BufferedOutputStream(counted, 8192), false, "UTF-8")
  }
}
