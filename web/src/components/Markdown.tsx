import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";

/** Markdown as elements: HTML in it stays text, and links can only lead to web pages and mail. */
export default function Markdown({ children }: { children: string }) {
  return (
    <div className="markdown">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        components={{
          a: ({ href, children }) => (
            <a href={href} rel="noreferrer noopener">
              {children}
            </a>
          ),
          // A picture from elsewhere would tell that site who reads this.
          img: ({ alt, src }) => (
            <a href={typeof src === "string" ? src : undefined} rel="noreferrer noopener">
              {alt || "picture"}
            </a>
          ),
        }}
      >
        {children}
      </ReactMarkdown>
    </div>
  );
}
