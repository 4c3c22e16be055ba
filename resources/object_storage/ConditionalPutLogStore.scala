package reco

import io.delta.storage.S3SingleDriverLogStore
import java.io.ByteArrayOutputStream
import java.lang.{Boolean => JavaBoolean}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.FileAlreadyExistsException
import java.util.{Arrays, Iterator => JavaIterator}
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FileSystem, Path}
import org.apache.hadoop.fs.s3a.RemoteFileChangedException

/** Delta's commits on S3 by any number of writers: each is a put under `If-None-Match: *`, as delta-rs makes them.
  *
  * Delta 4.4's own store for S3 asks whether a commit is there and then puts it all the same, which is right for one
  * driver alone. Delta takes FileAlreadyExistsException for "another was first" and commits after it.
  */
class ConditionalPutLogStore(conf: Configuration) extends S3SingleDriverLogStore(conf) {

  override def write(path: Path, actions: JavaIterator[String], overwrite: JavaBoolean, conf: Configuration): Unit =
    if (overwrite) super.write(path, actions, overwrite, conf)
    else {
      // Whole before the stream is opened: closing it would put what a failure in between has left.
      val lines = new ByteArrayOutputStream
      actions.forEachRemaining(action => lines.write((action + "\n").getBytes(UTF_8)))
      create(path.getFileSystem(conf), path, lines.toByteArray)
    }

  private def create(files: FileSystem, path: Path, content: Array[Byte]): Unit = {
    val stream = files.createFile(path).create().overwrite(false).recursive()
      .must("fs.option.create.conditional.overwrite", true).build()
    stream.write(content)
    try stream.close()
    catch {
      // A put that is sent again after its answer was lost is refused because of itself. Commits carry a random id.
      case refused: RemoteFileChangedException =>
        if (!holds(files, path, content)) throw new FileAlreadyExistsException(path.toString)
    }
  }

  private def holds(files: FileSystem, path: Path, content: Array[Byte]): Boolean = {
    val there = files.open(path)
    try Arrays.equals(there.readAllBytes(), content)
    finally there.close()
  }
}
