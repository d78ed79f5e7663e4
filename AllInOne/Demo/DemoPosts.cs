using System.Globalization;
using FeedMall.Proto.Common.V1;
using FeedMall.Proto.Feed.V1;

namespace FeedMall.AllInOne.Demo;

/// <summary>Turns the words into posts: always the same ones, in the same order.</summary>
internal static class DemoPosts
{
    /// <summary>Every title of every topic with every subject, topics taking turns.</summary>
    public static IReadOnlyList<CreatePostRequest> Create(DemoTexts texts)
    {
        var perTopic = texts.Topics.Max(topic => topic.Titles.Count * topic.Subjects.Count);
        var posts = new List<CreatePostRequest>();
        for (var round = 0; round < perTopic; round++)
        {
            foreach (var topic in texts.Topics)
            {
                if (round < topic.Titles.Count * topic.Subjects.Count) posts.Add(Create(topic, round, posts.Count));
            }
        }
        return posts;
    }

    /// <summary>How many users like the post: a few posts are loved by many, most by some.</summary>
    public static int Likes(int post, int users) => post * 31 % (users + 1) / (1 + post % 8);

    private static CreatePostRequest Create(DemoTopic topic, int round, int number)
    {
        // Stepping by one in both lists walks the diagonal; the division moves on to the next one after each full walk.
        var subject = topic.Subjects[round % topic.Subjects.Count];
        var title = topic.Titles[(round + round / topic.Subjects.Count) % topic.Titles.Count];
        var post = new CreatePostRequest
        {
            Title = Capitalized(string.Format(CultureInfo.InvariantCulture, title, subject)),
            Content = string.Join(' ',
                topic.Openings[round % topic.Openings.Count],
                topic.Middles[(round + number) % topic.Middles.Count],
                topic.Closings[(round / 2 + number) % topic.Closings.Count]),
            Type = topic.Video ? PostType.Video : number % 3 == 0 ? PostType.Text : PostType.Image,
            Cover = new Image { Url = $"https://img.feedmall.example/posts/{number}/cover.jpg", Width = 1200, Height = 800 },
        };
        post.Tags.AddRange(topic.Tags.Select(name => new Tag { Name = name }));
        if (post.Type == PostType.Video)
        {
            post.Video = new Video
            {
                Url = $"https://video.feedmall.example/posts/{number}.mp4",
                DurationSeconds = 30 + number % 90,
                Width = 1920,
                Height = 1080,
            };
        }
        if (post.Type == PostType.Image)
        {
            for (var i = 1; i <= 1 + number % 4; i++)
                post.Images.Add(new Image { Url = $"https://img.feedmall.example/posts/{number}/{i}.jpg", Width = 1200, Height = 800 });
        }
        return post;
    }

    private static string Capitalized(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
