// Write makes the files in this folder: javac and java with Hadoop's jars on the class path, and the folder as argument.
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.LongWritable;
import org.apache.hadoop.io.SequenceFile;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.compress.*;

public class Write {
  static void write(String path, SequenceFile.CompressionType type, CompressionCodec codec) throws Exception {
    Configuration conf = new Configuration();
    ((org.apache.hadoop.conf.Configurable) codec).setConf(conf);
    conf.setInt("io.seqfile.compress.blocksize", 4000);
    conf.setInt("io.seqfile.sync.interval", 2000);
    try (SequenceFile.Writer w = SequenceFile.createWriter(conf, SequenceFile.Writer.file(new Path(path)),
        SequenceFile.Writer.keyClass(LongWritable.class), SequenceFile.Writer.valueClass(Text.class),
        SequenceFile.Writer.compression(type, codec))) {
      for (int i = 0; i < 300; i++) {
        w.append(new LongWritable((long) i * i - 1000), new Text("ä".repeat(i % 50)));
      }
    }
  }

  public static void main(String[] args) throws Exception {
    write(args[0] + "/none.seq", SequenceFile.CompressionType.NONE, new DefaultCodec());
    write(args[0] + "/record.seq", SequenceFile.CompressionType.RECORD, new DefaultCodec());
    write(args[0] + "/block.seq", SequenceFile.CompressionType.BLOCK, new SnappyCodec());
  }
}
