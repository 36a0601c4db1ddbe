import type * as api from "../api/index.ts";

/** The commit, as a link where its host is known to show commits. */
export function GitLink({ git }: { git: api.GitState }) {
  const commit = git.commit?.slice(0, 10) ?? "no commit";
  const page = commitPage(git);
  return (
    <>
      {page === undefined ? (
        <code>{commit}</code>
      ) : (
        <a href={page} rel="noreferrer noopener">
          {commit}
        </a>
      )}
      {git.branch !== undefined && ` on ${git.branch}`}
      {git.dirty === true && ", with changes"}
    </>
  );
}

function commitPage({ remote, commit }: api.GitState): string | undefined {
  if (remote === undefined || commit === undefined) return undefined;
  const parts = /^(?:https?:\/\/|ssh:\/\/|git@)(?:[^@/]*@)?([\w.-]+)[:/](.+?)(?:\.git)?\/?$/.exec(remote);
  if (parts === null || !/github|gitlab|codeberg|gitea|bitbucket/.test(parts[1] ?? "")) return undefined;
  const [, host = "", path = ""] = parts;
  const middle = host.includes("gitlab") ? "-/commit" : host.includes("bitbucket") ? "commits" : "commit";
  return `https://${host}/${path}/${middle}/${commit}`;
}
