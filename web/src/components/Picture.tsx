import { useMemo } from "react";

const KINDS: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

const kindOf = (name: string) => KINDS[name.split(".").at(-1)?.toLowerCase() ?? ""];

export const isPicture = (name: string) => kindOf(name) !== undefined;

/** A picture as data, because scripts in one that is a document of its own would run. */
export function Picture({ bytes, name }: { bytes: Uint8Array; name: string }) {
  const source = useMemo(() => {
    let text = "";
    for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
    return `data:${kindOf(name) ?? "image/png"};base64,${btoa(text)}`;
  }, [bytes, name]);
  return <img src={source} alt={name} className="picture" />;
}
